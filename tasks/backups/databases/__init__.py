"""The sources and targets of backups: servers, dumps, SQLite files."""
