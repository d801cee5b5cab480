"""Guests' data."""
