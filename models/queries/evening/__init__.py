"""Evenings: blocks, and the history of what hosts decided."""
