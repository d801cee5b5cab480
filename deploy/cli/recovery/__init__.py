"""Commands for backups, stores and fail-over."""
