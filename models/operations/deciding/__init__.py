"""Decisions on reservations, made under the locks of their books."""
