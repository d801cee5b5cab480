"""Releases under load, behind a real nginx."""
