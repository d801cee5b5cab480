"""Races: many callers for one table, and the same with the safeguards removed."""
