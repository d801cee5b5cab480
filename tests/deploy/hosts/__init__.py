"""One machine: `make up`, systemd, nginx."""
