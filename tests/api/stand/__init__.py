"""The host stand."""
