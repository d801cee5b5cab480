"""What can be done: each takes a session first and never commits."""
