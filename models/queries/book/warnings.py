"""What the book asks the host to look at: who is late, who overstays, whose table is taken."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from models.entities.reservations import Reservation
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.policies import no_show_due
from models.rules.restaurant.restaurant import Policies, TableSpec

#: So long before a start its table should be free.
_SOON: Final = timedelta(minutes=15)


class BookWarning(StrEnum):
    """Public: the API names it."""

    #: the grace is over and nobody has arrived: did they come?
    NOT_HERE = "not_here"
    #: the turn is over and the party sits
    OVERSTAYS = "overstays"
    #: the party is due, and at its table another sits past its turn
    TABLE_OCCUPIED = "table_occupied"


def overstays_minutes(row: Reservation, *, now: datetime) -> int:
    """Whole minutes for which a party sits longer than its turn; 0 for every other."""
    if row.status != Status.SEATED:
        return 0
    return max(0, int((now - row.ends_at).total_seconds() // 60))


def warnings_of(
    policies: Policies,
    rows: Iterable[Reservation],
    seats: Mapping[int, Sequence[TableSpec]],
    *,
    now: datetime,
) -> dict[int, tuple[str, ...]]:
    """The warnings of a day's reservations, by their id."""
    found: dict[int, list[str]] = defaultdict(list)
    listed = list(rows)
    over = [row for row in listed if row.status == Status.SEATED and row.ends_at <= now]
    occupied = {table.id for row in over for table in seats.get(row.id, ())}
    for row in over:
        found[row.id].append(BookWarning.OVERSTAYS.value)
    for row in listed:
        if row.status not in (Status.CONFIRMED, Status.ARRIVED):
            continue
        if row.status == Status.CONFIRMED and no_show_due(policies, row.starts_at, now=now):
            found[row.id].append(BookWarning.NOT_HERE.value)
        if row.starts_at - _SOON <= now < row.ends_at and any(
            table.id in occupied for table in seats.get(row.id, ())
        ):
            found[row.id].append(BookWarning.TABLE_OCCUPIED.value)
    return {number: tuple(said) for number, said in found.items()}
