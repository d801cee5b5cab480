"""Maitred under systemd: the units and their configuration."""
