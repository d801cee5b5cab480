"""MySQL's binary log: read, and made fit for MariaDB to replay."""
