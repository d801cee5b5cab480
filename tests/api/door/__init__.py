"""The list at the door through the API."""
