"""The plumbing: logs."""
