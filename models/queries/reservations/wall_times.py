"""Moved wall times: upcoming parties that new zone rules show at another time than notified.

Only the restaurants' zones are read, so an otherwise unreadable restaurant does not matter.
"""

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.floor import Restaurant
from models.entities.reservations import Reservation
from models.rules.messages.wall_clock import offset_in
from models.rules.reservations.lifecycle import OPEN

_ROW = table_of(Reservation).c
_OPEN = sorted(status.value for status in OPEN)


class Zone(NamedTuple):
    """A restaurant's zone."""

    slug: str
    tz: ZoneInfo


def zones(session: Session) -> dict[int, Zone]:
    """Return the zone of each restaurant. One query."""
    rows = session.execute(select(Restaurant.id, Restaurant.slug, Restaurant.zone))
    return {number: Zone(slug, ZoneInfo(zone)) for number, slug, zone in rows}


def to_come(now: datetime) -> ColumnElement[bool]:
    """Match parties that have not arrived and whose start is in the future."""
    return and_(_ROW.status.in_(_OPEN), _ROW.starts_at > now)


def moved_parties(session: Session, *, now: datetime) -> dict[str, int]:
    """Return restaurant slug -> how many of its upcoming parties moved. Two queries."""
    query = (
        select(_ROW.restaurant_id, _ROW.starts_at, _ROW.told_offset, func.count())
        .where(to_come(now), _ROW.told_offset.is_not(None))
        .group_by(_ROW.restaurant_id, _ROW.starts_at, _ROW.told_offset)
    )
    known, found = zones(session), dict[str, int]()
    for restaurant, starts_at, told, count in session.execute(query):
        zone = known.get(restaurant)
        if zone is not None and offset_in(zone.tz, starts_at) != told:
            found[zone.slug] = found.get(zone.slug, 0) + count
    return dict(sorted(found.items()))
