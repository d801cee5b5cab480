"""Reservations before they are due."""
