"""The point-in-time log of a SQLite database."""
