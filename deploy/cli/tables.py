"""Tables as the commands print them."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table


def print_table(heads: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    """Print them with no lines around; whole, where it is no terminal."""
    table = Table(*heads, box=None, pad_edge=False, show_edge=False)
    for row in rows:
        table.add_row(*map(str, row))
    # a pipe has no width: nothing is cut off there
    console = Console() if sys.stdout.isatty() else Console(width=200)
    console.print(table)
