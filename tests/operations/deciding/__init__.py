"""Decisions, rounds and the waitlist."""
