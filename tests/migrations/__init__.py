"""The migrations create what the mapped classes define, on SQLite and on MariaDB."""
