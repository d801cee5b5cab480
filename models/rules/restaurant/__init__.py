"""A restaurant as values: its shifts, policies, turn times and pacing."""
