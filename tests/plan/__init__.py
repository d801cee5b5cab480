"""The deployment plan: its lines and targets, and how each was verified."""
