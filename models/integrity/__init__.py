"""The integrity check of a database: every promise is verified by reading every row."""
