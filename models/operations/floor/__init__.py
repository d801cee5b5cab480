"""A restaurant's file: read, checked, and written into the database."""
