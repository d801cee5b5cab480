"""Two releases side by side: what the one before this needs is still there."""
