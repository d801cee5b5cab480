"""Reservations by guests."""
