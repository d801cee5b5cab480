"""The API of the list at the door."""
