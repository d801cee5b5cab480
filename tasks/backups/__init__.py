"""Backups: scheduled, encrypted, retained by rule, and checked after a restore to a new place."""
