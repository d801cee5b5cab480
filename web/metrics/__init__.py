"""Metrics of `/metrics`."""
