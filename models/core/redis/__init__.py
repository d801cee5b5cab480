"""Redis as short-lived memory: signals between processes, and counters."""
