"""The database: its engine and connections, the one transaction, column types."""
