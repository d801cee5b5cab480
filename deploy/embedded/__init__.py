"""The embedded mode, `make up`: every process of an installation on this machine."""
