"""The `maitred` command, one module a group of verbs."""
