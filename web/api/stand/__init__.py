"""Endpoints for the staff of a restaurant: the book, the stand, guests, messages."""
