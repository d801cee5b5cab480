"""The database: its engine and connections, transactions, column types."""
