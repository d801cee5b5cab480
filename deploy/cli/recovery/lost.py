"""`maitred failover compare`: what only a replaced primary holds, with advice for each item."""

import click
from rich.console import Console
from rich.table import Table

from tasks.failover.lost import ADVICE, Lost, compare
from tasks.failover.overview import Overview

_WIDTH = 180


def show(overview: Overview, old: str) -> None:
    """Print what only `old` holds: each reservation with its guest, other rows counted by table.

    Raises FailoverRefused when that cannot be compared.
    """
    lost = compare(overview, old)
    primary = overview.primary.name if overview.primary else ""
    if not lost.transactions:
        click.echo(f"{old} holds nothing that {primary} never had")
        return
    names = ", ".join(map(str, lost.transactions))
    count = sum(one.count for one in lost.transactions)
    click.echo(f"{old} holds {count} transactions that {primary} never had: {names}")
    console = Console(width=_WIDTH)
    if lost.reservations:
        console.print(_reservations(lost))
    if lost.others:
        console.print(_others(lost))


def _reservations(lost: Lost) -> Table:
    heads = ("reservation", "", "restaurant", "at", "party", "status", "guest", "action")
    table = Table(*heads, box=None, pad_edge=False)
    for one in lost.reservations:
        table.add_row(
            one.reference,
            one.what,
            one.restaurant,
            one.start,
            str(one.party_size),
            one.status,
            one.guest,
            one.advice,
        )
    return table


def _others(lost: Lost) -> Table:
    table = Table("other rows", "", "", "action", box=None, pad_edge=False)
    for (name, what), count in sorted(lost.others.items()):
        table.add_row(name, what, str(count), ADVICE.get(name, "check them"))
    return table
