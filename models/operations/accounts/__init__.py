"""Staff accounts, their roles, second factors, and the audit log."""
