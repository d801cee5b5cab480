"""The clock's job on wall times: count moved parties, and fill in missing offsets."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.core.database.transactions import one_state, table_of, unit
from models.entities.reservations import Reservation
from models.queries.reservations.wall_times import moved_parties, to_come, zones
from models.rules.messages.told_times import offset_in

#: Reservations that one transaction fills in.
AT_ONCE: Final = 1000
_ROWS = table_of(Reservation)


def check_wall_times(now: datetime) -> dict[str, Any]:
    """Return `moved` (restaurant -> number of parties) and `filled`. Opens its own transactions.

    Counts first: offsets that are filled in by the current rules say nothing about earlier rules.
    """
    moved = one_state(partial(moved_parties, now=now))
    filled = 0
    while count := unit(partial(keep_wall_times, now=now)):
        filled += count
    return {"moved": moved, "filled": filled}


def keep_wall_times(session: Session, *, now: datetime) -> int:
    """Set the missing offsets of upcoming parties by the current zone data; return how many.

    If another process meanwhile moves a start across a change of the clock, it is left alone.
    """
    row, known = _ROWS.c, zones(session)
    query = (
        select(row.id, row.restaurant_id, row.starts_at)
        .where(to_come(now), row.told_offset.is_(None), row.restaurant_id.in_(known))
        .order_by(row.starts_at, row.restaurant_id)
        .limit(AT_ONCE)
    )
    found = session.execute(query).all()
    for restaurant, zone in known.items():
        own = [each for each in found if each.restaurant_id == restaurant]
        for offset, run in _runs(zone.tz, own):
            until = run[0].starts_at, run[-1].starts_at
            session.execute(
                update(_ROWS)
                .where(row.id.in_([each.id for each in run]), row.told_offset.is_(None))
                .where(row.starts_at.between(*until))
                .values(told_offset=offset)
            )
    return len(found)


def _runs(tz: ZoneInfo, rows: Sequence[Any]) -> Iterator[tuple[int, list[Any]]]:
    """Yield the rows, sorted by start, in runs of one offset, without a change of the clock."""
    for offset, run in groupby(rows, key=lambda each: offset_in(tz, each.starts_at)):
        yield offset, list(run)
