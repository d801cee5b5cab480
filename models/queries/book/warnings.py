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


class BookWarning(StrEnum):
    """Public: the API uses these names."""

    #: the grace period, from the start or the time said, is over and the party has not arrived
    NOT_HERE = "not_here"
    #: the turn is over and the party is still seated
    OVERSTAYS = "overstays"
    #: the party is due, and another sits at its table past its turn
    TABLE_OCCUPIED = "table_occupied"


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
    for row in over:
        found[row.id].append(BookWarning.OVERSTAYS.value)
    for row in listed:
        if row.status not in (Status.CONFIRMED, Status.ARRIVED):
            continue
        expected = max(row.starts_at, row.expected_at or row.starts_at)
        if row.status == Status.CONFIRMED and no_show_due(policies, expected, now=now):
            found[row.id].append(BookWarning.NOT_HERE.value)
        if row.starts_at - _SOON <= now < row.ends_at and any(
            table.id in occupied for table in seats.get(row.id, ())
        ):
            found[row.id].append(BookWarning.TABLE_OCCUPIED.value)
    return {number: tuple(said) for number, said in found.items()}
