"""Guests' data: consent, retention, erasure, and encryption by the newest key."""
