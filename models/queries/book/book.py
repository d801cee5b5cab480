"""The host's book of a day: the reservations, their tables, and the load of each interval."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from models.queries.book.blocks import blocks_by_table
from models.queries.book.readable import read_guest
from models.queries.book.rows import (
    BookRow,
    StoredParty,
    read_books,
    read_messages,
    read_reservations,
    read_seats,
    read_wishes,
)
from models.queries.book.shapes import (
    BookMessage,
    BookReservation,
    BookShift,
    BookView,
    Interval,
)
from models.queries.book.tables import area_key, book_tables
from models.queries.book.warnings import overstays_minutes, warnings_of
from models.queries.reservations.reservations import ChangeView
from models.rules.reservations.lifecycle import DOOR, PACED, Status
from models.rules.restaurant.features import wants_from
from models.rules.restaurant.pacing import Load, pacing_at, pacing_of
from models.rules.restaurant.restaurant import QUARTER_SECONDS, RestaurantSpec
from models.rules.restaurant.sittings import Sitting, quarter_of, sittings_on


def book_of(
    session: Session,
    restaurant: RestaurantSpec,
    service_date: date,
    *,
    now: datetime,
    with_messages: bool = True,
) -> BookView:
    """Return every shift of that date, with its reservations in every state.

    Six queries, five without messages; columns instead of entities, which would take most of the
    time of a full day.
    """
    books = read_books(session, restaurant, service_date)
    rows = read_reservations(session, books)
    seats = read_seats(session, books)
    messages = read_messages(session, books) if with_messages else defaultdict(list)
    wishes = {
        number: [_wish(restaurant, row) for row in found]
        for number, found in read_wishes(session, books).items()
    }
    warnings = warnings_of(restaurant.policies, rows, seats, now=now)
    reservations = tuple(
        _reservation(
            restaurant,
            row,
            warnings=warnings.get(row.id, ()),
            shift_key=books[row.book_id].key,
            tables=tuple(table.label for table in seats[row.id]),
            messages=tuple(messages[row.id]),
            wishes=wishes.get(row.id, []),
            now=now,
        )
        for row in rows
    )
    sittings = {sitting.book_id: sitting for sitting in sittings_on(restaurant, service_date)}
    return BookView(
        service_date=service_date,
        revision=sum(book.revision for book in books.values()),
        shifts=_shifts(restaurant, books, sittings, rows),
        tables=book_tables(
            restaurant, reservations, seats, blocks_by_table(session, restaurant, service_date)
        ),
        reservations=reservations,
    )


# --- views for the host


def _wish(restaurant: RestaurantSpec, row: Row[Any]) -> ChangeView:
    area = area_key(restaurant, row.area_id)
    return ChangeView(row.id, row.status, row.party_size, row.starts_at, area, None, ())


def _reservation(
    restaurant: RestaurantSpec,
    row: StoredParty,
    *,
    shift_key: str,
    tables: tuple[str, ...],
    messages: tuple[BookMessage, ...],
    wishes: list[ChangeView],
    warnings: tuple[str, ...],
    now: datetime,
) -> BookReservation:
    guest, staff_note, details = read_guest(row)
    return BookReservation(
        id=row.id,
        reference=row.reference,
        status=Status(row.status),
        revision=row.revision,
        shift_key=shift_key,
        party_size=row.party_size,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        area_key=area_key(restaurant, row.area_id),
        tables=tables,
        tables_locked=row.tables_locked,
        guest_name=guest.name,
        guest_email=guest.email,
        guest_phone=guest.phone,
        guest_locale=row.guest_locale,
        note=guest.note,
        staff_note=staff_note,
        details=details,
        expected_at=row.expected_at,
        arrived_covers=row.arrived_covers,
        source=row.source,
        pacing_forced=row.pacing_forced,
        reason=row.reason,
        is_late=row.status == Status.CONFIRMED and row.starts_at < now,
        overstays_minutes=overstays_minutes(row, now=now),
        warnings=warnings,
        created_at=row.created_at,
        arrived_at=row.arrived_at,
        seated_at=row.seated_at,
        finished_at=row.finished_at,
        messages=messages,
        change=wishes[-1] if wishes else None,
        wants=wants_from(row.wanted_features),
        approve_by=row.approve_by if row.status == Status.CONFIRMED else None,
    )


def _shifts(
    restaurant: RestaurantSpec,
    books: Mapping[int, BookRow],
    sittings: Mapping[int, Sitting],
    rows: Iterable[StoredParty],
) -> tuple[BookShift, ...]:
    """Return the open shifts in order of their first start, then closed ones that have parties."""
    by_book: dict[int, list[StoredParty]] = defaultdict(list)
    for row in rows:
        by_book[row.book_id].append(row)
    closed = [number for number in by_book if number not in sittings]
    return tuple(
        _shift(restaurant, books[number], sittings.get(number), by_book[number])
        for number in [*sittings, *closed]
        if number in books
    )


def _shift(
    restaurant: RestaurantSpec, book: BookRow, sitting: Sitting | None, rows: list[StoredParty]
) -> BookShift:
    loads = {quarter: Load() for quarter in (sitting.starts if sitting else ())}
    for row in rows:
        if Status(row.status) in PACED:
            load = loads.setdefault(quarter_of(row.starts_at), Load())
            load.add(row.party_size, online=row.source == "online")
    usual = pacing_of(restaurant, sitting.shift) if sitting else restaurant.policies.pacing

    def interval(quarter: int, load: Load) -> Interval:
        limits = pacing_at(restaurant, sitting, quarter) if sitting else usual
        starts_at = datetime.fromtimestamp(quarter * QUARTER_SECONDS, UTC)
        return Interval(starts_at, load.covers, load.parties, load.online_covers, limits)

    return BookShift(
        book_id=book.id,
        key=book.key,
        name=book.name,
        revision=book.revision,
        is_open=sitting is not None,
        pacing=usual,
        covers=sum(load.covers for load in loads.values()),
        parties=sum(load.parties for load in loads.values()),
        waitlisted=sum(row.status == Status.WAITLISTED and row.source != DOOR for row in rows),
        intervals=tuple(interval(quarter, load) for quarter, load in sorted(loads.items())),
    )
