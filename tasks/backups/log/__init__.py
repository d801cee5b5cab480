"""The point-in-time log: the database's writes since a backup, for a restore to any second."""
