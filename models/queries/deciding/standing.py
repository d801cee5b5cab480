"""A restaurant's upcoming parties and pending change requests, in the form used by the rules."""

from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import Assignment, Reservation, ReservationChange
from models.rules.deciding.objection import Party
from models.rules.deciding.seating import Seats
from models.rules.messages.wall_clock import notified_wall_time
from models.rules.reservations.lifecycle import HOLDING, Status
from models.rules.restaurant.features import wants_from
from models.rules.restaurant.restaurant import QUARTER_SECONDS

_ROW = table_of(Reservation).c
_WISH = table_of(ReservationChange).c
_WAITING = sorted((Status.REQUESTED.value, Status.WAITLISTED.value))
_HOLDING = sorted(status.value for status in HOLDING)
_QUARTER = timedelta(seconds=QUARTER_SECONDS)


@dataclass(frozen=True, slots=True)
class Upcoming:
    """An upcoming party, or (with `wish_id`) its pending change request."""

    id: int
    reference: str
    party: Party
    wish_id: int | None = None


def upcoming(session: Session, restaurant_id: int, *, now: datetime) -> list[Upcoming]:
    """Return all parties that wait for a future start, or hold tables now or later. Four queries.

    `chosen` is set only for seated parties: whether a person seated the others is not queried.
    """
    waits = and_(_ROW.status.in_(_WAITING), _ROW.starts_at > now)
    holds = and_(_ROW.status.in_(_HOLDING), _ROW.ends_at > now)
    concerned = and_(_ROW.restaurant_id == restaurant_id, or_(waits, holds))
    query = select(
        _ROW.id,
        _ROW.reference,
        _ROW.status,
        _ROW.party_size,
        _ROW.starts_at,
        _ROW.ends_at,
        _ROW.told_offset,
        _ROW.book_id,
        _ROW.area_id,
        _ROW.source,
        _ROW.wanted_features,
    ).where(concerned)
    rows = session.execute(query.order_by(_ROW.starts_at, _ROW.id)).all()
    tables = _read_tables(session, concerned)
    by_staff = _changed_by_staff(session, restaurant_id)
    found = [Upcoming(row.id, row.reference, _party(row, tables, by_staff)) for row in rows]
    return found + _read_changes(session, restaurant_id, now=now)


def _party(row: Any, tables: dict[int, Seats], by_staff: Container[int]) -> Party:
    status = Status(row.status)
    return Party(
        status=status,
        party_size=row.party_size,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        book_id=row.book_id,
        area_id=row.area_id,
        table_ids=tables.get(row.id, ()) if status in HOLDING else (),
        online=row.source == "online" and row.id not in by_staff,
        chosen=status is Status.SEATED,
        walk_in=row.source == "walk_in",
        wants=wants_from(row.wanted_features),
        told=notified_wall_time(row.starts_at, row.told_offset),
    )


def _read_tables(session: Session, concerned: ColumnElement[bool]) -> dict[int, Seats]:
    given = table_of(Assignment).c
    query = (
        select(given.reservation_id, given.dining_table_id)
        .join(Reservation, _ROW.id == given.reservation_id)
        .where(concerned)
        .order_by(given.dining_table_id)
    )
    found: dict[int, list[int]] = defaultdict(list)
    for number, table in session.execute(query):
        found[number].append(table)
    return {number: tuple(tables) for number, tables in found.items()}


def _changed_by_staff(session: Session, restaurant_id: int) -> set[int]:
    query = select(_WISH.reservation_id).where(
        _WISH.restaurant_id == restaurant_id, _WISH.status == "accepted", _WISH.by_staff
    )
    return set(session.scalars(query))


def _read_changes(session: Session, restaurant_id: int, *, now: datetime) -> list[Upcoming]:
    """Return the changes that wait for their lane. Like a request, they are not promised."""
    query = (
        select(
            _WISH.id,
            _WISH.reservation_id,
            _WISH.party_size,
            _WISH.starts_at,
            _WISH.book_id,
            _WISH.area_id,
            _WISH.by_staff,
            _ROW.reference,
            _ROW.source,
            _ROW.wanted_features,
        )
        .join(Reservation, _ROW.id == _WISH.reservation_id)
        .where(
            _WISH.restaurant_id == restaurant_id,
            _WISH.status == "requested",
            _WISH.starts_at > now,
        )
        .order_by(_WISH.starts_at, _WISH.id)
    )
    return [
        Upcoming(row.reservation_id, row.reference, _as_changed(row), row.id)
        for row in session.execute(query)
    ]


def _as_changed(row: Any) -> Party:
    return Party(
        status=Status.REQUESTED,
        party_size=row.party_size,
        starts_at=row.starts_at,
        ends_at=row.starts_at + _QUARTER,
        book_id=row.book_id,
        area_id=row.area_id,
        online=row.source == "online" and not row.by_staff,
        walk_in=row.source == "walk_in",
        wants=wants_from(row.wanted_features),
    )
