"""The clock's jobs that take more than one transaction: the loops around the operations."""
