"""The `maitred` command."""
