"""The offsets by which parties were told their wall times: fill in missing ones."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import Reservation
from models.queries.reservations.wall_times import to_come, zones
from models.rules.messages.wall_clock import offset_in

#: Reservations that one call fills in.
AT_ONCE: Final = 1000
_ROWS = table_of(Reservation)


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
