"""The scheduler: one leading process that only enqueues tasks."""
