"""The list at the door: join it, be called to a table, be passed over, leave it."""
