"""The list at the door: joining, being called, leaving."""
