"""The rows of a day's books, as columns: a full day has hundreds of them, read again and again."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Row, and_, select
from sqlalchemy.orm import Session

from models.entities.floor import DiningTable
from models.entities.messages import Message
from models.entities.parties import PartyDetails
from models.entities.reservations import Assignment, Reservation, ReservationChange
from models.entities.shifts import Shift, ShiftDay
from models.queries.book.shapes import BookMessage
from models.rules.reservations.lifecycle import PACED
from models.rules.restaurant.restaurant import RestaurantSpec, TableSpec, book_id


@dataclass(frozen=True, slots=True)
class BookRow:
    """One shift's book, whether or not it has been opened."""

    id: int
    key: str
    name: str
    revision: int


def read_books(
    session: Session, restaurant: RestaurantSpec, service_date: date
) -> dict[int, BookRow]:
    """Return the books of the restaurant's shifts on this date, including inactive shifts."""
    day = and_(ShiftDay.shift_id == Shift.id, ShiftDay.service_date == service_date)
    query = (
        select(Shift.id, Shift.key, Shift.name, ShiftDay.revision)
        .outerjoin(ShiftDay, day)
        .where(Shift.restaurant_id == restaurant.id)
        .order_by(Shift.id)
    )
    return {
        number: BookRow(number, row.key, row.name, row.revision or 0)
        for row in session.execute(query)
        for number in [book_id(row.id, service_date)]
    }


class StoredParty(NamedTuple):
    """One reservation with what the stand knows of the party; the names are those of the columns.

    A named tuple is read several times as fast as a row of SQLAlchemy.
    """

    id: int
    reference: str
    book_id: int
    status: str
    revision: int
    party_size: int
    starts_at: datetime
    ends_at: datetime
    area_id: int | None
    tables_locked: bool
    guest_sealed: bytes
    staff_note_sealed: bytes | None
    notes_revision: int | None
    guest_locale: str
    source: str
    pacing_forced: bool
    reason: str | None
    created_at: datetime
    arrived_at: datetime | None
    seated_at: datetime | None
    finished_at: datetime | None
    approve_by: datetime | None
    wanted_features: dict[str, list[str]] | None
    staff_edited: bool
    expected_at: datetime | None
    arrived_covers: int | None
    vip: bool | None
    details_sealed: bytes | None


#: the columns that are the party's, not the reservation's
_OF_PARTY: Final = frozenset({"expected_at", "arrived_covers", "vip", "details_sealed"})
_COLUMNS: Final = [
    getattr(PartyDetails if name in _OF_PARTY else Reservation, name)
    for name in StoredParty._fields
]


def read_reservations(session: Session, books: Collection[int]) -> list[StoredParty]:
    """Return the reservations of these books, by start."""
    query = (
        select(*_COLUMNS)
        .outerjoin(PartyDetails, PartyDetails.reservation_id == Reservation.id)
        .where(Reservation.book_id.in_(books))
        .order_by(Reservation.starts_at, Reservation.id)
    )
    return [StoredParty._make(row) for row in session.execute(query)]


def read_seats(session: Session, books: Collection[int]) -> dict[int, list[TableSpec]]:
    """Return the tables of each party that has or had some, including inactive tables."""
    at = DiningTable
    query = (
        select(Assignment.reservation_id, at.id, at.label, at.area_id, at.min_party, at.max_party)
        .join(at, at.id == Assignment.dining_table_id)
        .join(Reservation, Reservation.id == Assignment.reservation_id)
        .where(Reservation.book_id.in_(books), Reservation.status.in_(sorted(PACED)))
        .order_by(at.id)
    )
    known: dict[int, TableSpec] = {}
    seats: dict[int, list[TableSpec]] = defaultdict(list)
    for number, table, label, area, least, most in session.execute(query):
        if table not in known:
            known[table] = TableSpec(table, label, area, least, most)
        seats[number].append(known[table])
    return seats


def read_messages(session: Session, books: Collection[int]) -> dict[int, list[BookMessage]]:
    """Return the messages of each reservation."""
    of = Message
    query = (
        select(of.reservation_id, of.kind, of.channel, of.state, of.due_at, of.sent_at, of.error)
        .join(Reservation, Reservation.id == of.reservation_id)
        .where(Reservation.book_id.in_(books))
        .order_by(of.id)
    )
    found: dict[int, list[BookMessage]] = defaultdict(list)
    for number, kind, channel, state, due_at, sent_at, error in session.execute(query):
        found[number].append(BookMessage(kind, channel, state, due_at, sent_at, error))
    return found


def read_wishes(session: Session, books: Collection[int]) -> dict[int, list[Row[Any]]]:
    """Return the undecided change requests of each reservation."""
    of = ReservationChange
    query = (
        select(of.reservation_id, of.id, of.status, of.party_size, of.starts_at, of.area_id)
        .join(Reservation, Reservation.id == of.reservation_id)
        .where(Reservation.book_id.in_(books), of.status == "requested")
        .order_by(of.id)
    )
    return _grouped(session.execute(query))


def _grouped(rows: Iterable[Row[Any]]) -> dict[int, list[Row[Any]]]:
    found: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[row.reservation_id].append(row)
    return found
