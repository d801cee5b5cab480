"""Tests that need MySQL: restores from its dumps and its log. Run with `--mysql`."""
