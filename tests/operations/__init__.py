"""Operations, each on SQLite and on MariaDB: what they write and refuse."""
