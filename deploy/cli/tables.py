"""Tables in the output of commands."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table


def print_table(heads: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    """Print a table without rules; do not truncate it unless on a terminal."""
    table = Table(*heads, box=None, pad_edge=False, show_edge=False)
    for row in rows:
        table.add_row(*map(str, row))
    # a pipe has no width, so use one that truncates nothing
    console = Console() if sys.stdout.isatty() else Console(width=200)
    console.print(table)
