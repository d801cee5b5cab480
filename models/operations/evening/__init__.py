"""Evenings: blocked tables, and what else a host decides about a book as a whole."""
