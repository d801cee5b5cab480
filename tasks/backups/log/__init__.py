"""The point-in-time log: what the database wrote since a backup, kept to the second."""
