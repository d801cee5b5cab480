"""Tests of the host's acts on tables."""
