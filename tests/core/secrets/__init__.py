"""Encryption, keys and passwords."""
