"""Versions put in place under load, behind a real nginx."""
