"""MySQL's binary log: reading it, and converting it for a replay by MariaDB."""
