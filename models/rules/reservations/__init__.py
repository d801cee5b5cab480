"""A reservation's states, and what may be changed about it."""
