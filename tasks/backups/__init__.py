"""Backups: made by the clock, sealed, kept by rule, restored into a new place and proved there."""
