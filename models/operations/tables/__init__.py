"""The host's acts on tables: assign, move, swap, lock, and the length of a turn."""
