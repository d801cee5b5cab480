"""A reservation's states, and the rules for changing it."""
