"""A restaurant as values."""
