"""Tests of the HTTP layer: the real application on a real database."""
