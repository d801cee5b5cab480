"""Operations, each on SQLite and on MariaDB: what they write, refuse and leave alone."""
