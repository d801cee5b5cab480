"""A restaurant's file: read it, check it and write it to the database."""
