"""Plumbing below the restaurant: settings, database, locks, clock, logging."""
