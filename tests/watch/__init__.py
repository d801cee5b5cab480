"""Tests of what the house is watched with."""
