"""A restaurant as the rules use it, and as the text of its file."""
