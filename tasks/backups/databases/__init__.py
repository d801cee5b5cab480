"""Where a backup comes from and goes to: servers, dumps, SQLite files."""
