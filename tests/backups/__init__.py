"""Backups that come back."""
