"""What takes MySQL: its dumps and its log lead to a database that is whole. With `--mysql`."""
