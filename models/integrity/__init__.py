"""The check of a database: what was promised, proved by reading every row."""
