"""The list at the door, and the floor as it stands."""
