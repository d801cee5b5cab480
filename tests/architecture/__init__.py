"""Checks of the code's structure."""
