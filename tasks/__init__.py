"""Background tasks: one module per queue."""
