"""Reservations whose wall time was moved by new time zone rules."""
