"""The host stand, and its scheduled jobs."""
