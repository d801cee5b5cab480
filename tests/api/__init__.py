"""The HTTP edge: the real application on a real database."""
