"""Deployment: command line, embedded mode, releases, monitoring, packaging."""
