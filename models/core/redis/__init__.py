"""Redis as short-lived storage: signals between processes, and counters."""
