"""The queries: what can be asked."""
