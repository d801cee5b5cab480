"""What `make up` runs: every process of an installation on this machine."""
