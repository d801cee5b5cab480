"""Whether a party gets a table, and which one."""
