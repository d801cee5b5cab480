"""Callers and their roles, and the audit log."""
