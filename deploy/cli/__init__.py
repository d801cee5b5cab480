"""The `maitred` command, one module per group of subcommands."""
