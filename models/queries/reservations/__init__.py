"""Reservations, as guests and staff may see them."""
