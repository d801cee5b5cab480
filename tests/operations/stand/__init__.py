"""The host stand, and what the clock does there."""
