"""A restaurant as the rules need it, and as the text of its file."""
