"""The list at the door: waits and hours."""
