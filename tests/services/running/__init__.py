"""Maitred running for tests: one process, a whole installation, a cluster."""
