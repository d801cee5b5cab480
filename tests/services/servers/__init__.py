"""The servers that tests start: databases, mail, object stores, monitoring."""
