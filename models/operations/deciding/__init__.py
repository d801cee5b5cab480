"""Decisions under the locks of their books."""
