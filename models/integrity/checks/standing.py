"""Check that the rules have no objection to any upcoming party in its restaurant as it is now."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, or_, select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import (
    Assignment,
    Reservation,
    ReservationChange,
    ReservationMove,
)
from models.integrity.finding import CheckedRestaurant, Files, Finding
from models.integrity.times import as_text, grid_moment, moment_of
from models.rules.deciding.objection import AGREED, HOPELESS, Code, Objection, Party
from models.rules.deciding.seating import Seats
from models.rules.deciding.standing import objections
from models.rules.messages.notifying import ASSIGNED_REASON, SWAPPED_REASON, TURN_REASON
from models.rules.messages.wall_clock import notified_wall_time
from models.rules.reservations.lifecycle import HOLDING, Status

_HOLDING = sorted(status.value for status in HOLDING)
_BY_A_HOST = (ASSIGNED_REASON, SWAPPED_REASON, TURN_REASON)
#: Reported already, by `models.integrity.checks.reservations`.
_NAMED = frozenset({Code.NO_TABLE})
#: About the row by itself: no change of a file causes these.
_OWN = frozenset({Code.PARTY_SIZE, Code.ENDS_BEFORE_START})
#: Do not apply to requested parties: nothing was promised before the decision.
_DECIDED = HOPELESS | {Code.WALL_TIME}
_WAITING = sorted((Status.REQUESTED.value, Status.WAITLISTED.value))


class _Known(NamedTuple):
    """Further facts about the parties of one share."""

    tables: dict[int, Seats]
    #: changed by the staff: guests' limits did not apply
    by_staff: set[int]
    #: seated at least once, or given its tables or its turn by a host: a person has chosen
    chosen: set[int]


def standing(
    session: Session, files: Files, *, now: datetime, first: int, last: int
) -> Iterator[Finding]:
    """The rules' objections to each of these parties that waits for its start or holds a table."""
    row = table_of(Reservation).c
    waits = and_(row.status.in_(_WAITING), row.starts_at > now)
    holds = and_(row.status.in_(_HOLDING), row.ends_at > now)
    concerned = and_(row.id.between(first, last), or_(waits, holds))
    rows = session.execute(select(*_COLUMNS).where(concerned)).all()
    if not rows:
        return
    known = _read_known(session, concerned)
    for each in rows:
        restaurant = files.restaurants.get(each.restaurant_id)
        if restaurant is None:
            continue
        is_older = not restaurant.holds_for(_moment(each.decided_at))
        for objection in _objections(restaurant, each, known):
            text = f"reservation {each.id}: {objection.words}"
            is_known = objection.code is Code.WALL_TIME or (is_older and objection.code not in _OWN)
            yield Finding("misfit", (each.id,), text, is_known)


_ROW = table_of(Reservation).c
_COLUMNS = (
    _ROW.id,
    _ROW.restaurant_id,
    _ROW.status,
    _ROW.party_size,
    as_text(_ROW.starts_at).label("starts_at"),
    as_text(_ROW.ends_at).label("ends_at"),
    _ROW.told_offset,
    _ROW.book_id,
    _ROW.area_id,
    _ROW.source,
    as_text(_ROW.decided_at).label("decided_at"),
)


def _objections(
    restaurant: CheckedRestaurant, row: Row[*tuple[Any, ...]], known: _Known
) -> Iterator[Objection]:
    party = _party(row, known)
    for objection in objections(restaurant.restaurant, party):
        if objection.code in _NAMED:
            continue
        if objection.code in _DECIDED and party.status is Status.REQUESTED:
            continue  # the decision will report it, by the clock of that time
        if objection.code in AGREED and not restaurant.holds_for(_moment(row.decided_at)):
            continue
        yield objection


def _party(row: Row[*tuple[Any, ...]], known: _Known) -> Party:
    status, staff_changed = Status(row.status), row.id in known.by_staff
    return Party(
        status=status,
        party_size=row.party_size,
        starts_at=grid_moment(row.starts_at),
        ends_at=grid_moment(row.ends_at),
        book_id=row.book_id,
        area_id=row.area_id,
        table_ids=known.tables.get(row.id, ()) if status in HOLDING else (),
        online=row.source == "online" and not staff_changed,
        chosen=row.source != "online" or staff_changed or row.id in known.chosen,
        walk_in=row.source == "walk_in",
        told=_told(row.starts_at, row.told_offset),
    )


@lru_cache(maxsize=100_000)
def _told(starts_at: str, offset: int | None) -> datetime | None:
    return notified_wall_time(grid_moment(starts_at), offset)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else moment_of(text)


def _read_known(session: Session, concerned: ColumnElement[bool]) -> _Known:
    given, move, wish = (
        table_of(each).c for each in (Assignment, ReservationMove, ReservationChange)
    )
    tables: dict[int, list[int]] = defaultdict(list)
    for number, table_id in session.execute(
        select(given.reservation_id, given.dining_table_id)
        .join(Reservation, _ROW.id == given.reservation_id)
        .where(concerned)
        .order_by(given.dining_table_id)
    ):
        tables[number].append(table_id)
    changed = select(wish.reservation_id).join(Reservation, _ROW.id == wish.reservation_id)
    acted = select(move.reservation_id).join(Reservation, _ROW.id == move.reservation_id)
    by_a_host = or_(move.after == Status.SEATED, move.reason.in_(_BY_A_HOST))
    return _Known(
        {number: tuple(ids) for number, ids in tables.items()},
        set(session.scalars(changed.where(concerned, wish.status == "accepted", wish.by_staff))),
        set(session.scalars(acted.where(concerned, by_a_host))),
    )
