"""What can be asked for in the background: one module a queue."""
