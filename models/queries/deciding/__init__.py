"""Queries for decisions, before and under the locks."""
