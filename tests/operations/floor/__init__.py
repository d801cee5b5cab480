"""A restaurant's file."""
