"""Two releases side by side: the newer one stays compatible with its predecessor."""
