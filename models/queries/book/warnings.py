"""The book's warnings for the host: parties not here, overstaying parties, occupied tables."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from models.queries.book.rows import StoredParty
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.policies import no_show_due
from models.rules.restaurant.restaurant import Policies, TableSpec

#: A table should be free this long before a start.
_SOON: Final = timedelta(minutes=15)
#: The host hears so early that a party before sat down late, by more than that.
_EARLY: Final = timedelta(minutes=60)
_LATE: Final = timedelta(minutes=10)


class BookWarning(StrEnum):
    """Public: the API uses these names."""

    #: the grace period, from the start or the time said, is over and the party has not arrived
    NOT_HERE = "not_here"
    #: the turn is over and the party is still seated
    OVERSTAYS = "overstays"
    #: the party is due, and another sits at its table past its turn
    TABLE_OCCUPIED = "table_occupied"
    #: the party is due soon, and the one before sat down so late that it needs longer
    TURN_TOO_CLOSE = "turn_too_close"


def overstays_minutes(row: StoredParty, *, now: datetime) -> int:
    """Return the whole minutes by which a seated party exceeds its turn; 0 if it is not seated."""
    if row.status != Status.SEATED:
        return 0
    return max(0, int((now - row.ends_at).total_seconds() // 60))


def warnings_of(
    policies: Policies,
    rows: Iterable[StoredParty],
    seats: Mapping[int, Sequence[TableSpec]],
    *,
    now: datetime,
) -> dict[int, tuple[str, ...]]:
    """Return the warnings of a day's reservations, by reservation id."""
    found: dict[int, list[str]] = defaultdict(list)
    listed = list(rows)
    over = [row for row in listed if row.status == Status.SEATED and row.ends_at <= now]
    occupied = {table.id for row in over for table in seats.get(row.id, ())}
    until = _likely_ends(listed, seats)
    for row in over:
        found[row.id].append(BookWarning.OVERSTAYS.value)
    for row in listed:
        if row.status not in (Status.CONFIRMED, Status.ARRIVED):
            continue
        expected = max(row.starts_at, row.expected_at or row.starts_at)
        is_agreed = row.status == Status.CONFIRMED and row.approve_by is None
        if is_agreed and no_show_due(policies, expected, now=now):
            found[row.id].append(BookWarning.NOT_HERE.value)
        tables = [table.id for table in seats.get(row.id, ())]
        if row.starts_at - _SOON <= now < row.ends_at and not occupied.isdisjoint(tables):
            found[row.id].append(BookWarning.TABLE_OCCUPIED.value)
        elif row.starts_at - _EARLY <= now and _stays_past(row.starts_at, tables, until):
            found[row.id].append(BookWarning.TURN_TOO_CLOSE.value)
    return {number: tuple(said) for number, said in found.items()}


def _likely_ends(
    rows: Iterable[StoredParty], seats: Mapping[int, Sequence[TableSpec]]
) -> dict[int, datetime]:
    """Return table -> when the party that sits there has had as long as was planned for it."""
    return {
        table.id: row.seated_at + (row.ends_at - row.starts_at)
        for row in rows
        if row.status == Status.SEATED and row.seated_at
        for table in seats.get(row.id, ())
    }


def _stays_past(start: datetime, tables: Iterable[int], until: Mapping[int, datetime]) -> bool:
    return any(table in until and until[table] > start + _LATE for table in tables)
