"""Which messages are sent."""
