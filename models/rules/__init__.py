"""What is allowed: pure functions over frozen values; no I/O, no clock, no ORM."""
