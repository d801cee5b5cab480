"""The verbs of backups, stores and fail-over."""
