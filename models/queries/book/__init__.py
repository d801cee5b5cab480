"""The host's book of a day."""
