"""The migrations make what the mapped classes say, on SQLite and on MariaDB."""
