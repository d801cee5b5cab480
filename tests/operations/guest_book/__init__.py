"""The guest book: filing, what the staff write, merging, blocking, forgetting."""
