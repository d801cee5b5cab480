"""Results of the demo's evening, as tables for the terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from models.queries.book.evening import MessageCount, Outcomes

#: The order of the columns; states without parties are left out.
STATES: Final = (
    "confirmed",
    "waitlisted",
    "declined",
    "cancelled",
    "requested",
    "arrived",
    "seated",
    "finished",
    "no_show",
    "expired",
)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the ascending values lie; 0 if there are none."""
    if not values:
        return 0.0
    return values[min(int(share * len(values)), len(values) - 1)]


def show_outcomes(console: Console, found: Sequence[Outcomes]) -> None:
    """Print parties and covers by size and outcome."""
    states = [state for state in STATES if any(each.status == state for each in found)]
    table = Table("party of", *states, "parties", title="Decisions")
    sizes = sorted({each.party_size for each in found})
    for size in sizes:
        own = {each.status: each.parties for each in found if each.party_size == size}
        table.add_row(str(size), *_numbers(own, states), str(sum(own.values())))
    parties, covers = _sums(found)
    table.add_section()
    table.add_row("parties", *_numbers(parties, states), str(sum(parties.values())))
    table.add_row("covers", *_numbers(covers, states), str(sum(covers.values())))
    _right(table)
    console.print(table)


def _sums(found: Sequence[Outcomes]) -> tuple[Counter[str], Counter[str]]:
    parties: Counter[str] = Counter()
    covers: Counter[str] = Counter()
    for each in found:
        parties[each.status] += each.parties
        covers[each.status] += each.parties * each.party_size
    return parties, covers


def _numbers(counts: Mapping[str, int], states: Sequence[str]) -> list[str]:
    return [str(counts.get(state, 0) or "") for state in states]


def show_times(console: Console, rows: Mapping[str, Sequence[float]]) -> None:
    """Print percentiles of each row's ascending seconds, in milliseconds."""
    table = Table("milliseconds", "p50", "p99", "most", title="Durations")
    for name, seconds in rows.items():
        shown = (percentile(seconds, 0.5), percentile(seconds, 0.99), seconds[-1] if seconds else 0)
        table.add_row(name, *(f"{each * 1000:.0f}" for each in shown))
    _right(table)
    console.print(table)


def show_messages(console: Console, found: Sequence[MessageCount]) -> None:
    """Print messages by kind and channel; `queued` includes reminders not yet due."""
    states = sorted({each.state for each in found})
    table = Table("message", "channel", *states, title="Messages to guests")
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for each in found:
        counts.setdefault((each.kind, each.channel), {})[each.state] = each.messages
    for (kind, channel), own in counts.items():
        table.add_row(kind, channel, *_numbers(own, states))
    _right(table, first=2)
    console.print(table)


def _right(table: Table, *, first: int = 1) -> None:
    for column in table.columns[first:]:
        column.justify = "right"
