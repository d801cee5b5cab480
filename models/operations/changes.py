"""Changes: a guest or the staff change or cancel a reservation."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.core.errors import Invalid, RevisionConflict, StateConflict
from models.entities.reservations import (
    Assignment,
    Reservation,
    ReservationChange,
)
from models.entities.sealed_guest import Guest
from models.operations.books import free_books, lock_reservation
from models.operations.history import write_move
from models.operations.verdicts import Verdicts, release_tables
from models.queries.floor import house_by_id
from models.rules.changing import check_change
from models.rules.house import House
from models.rules.lifecycle import HOLDING, OPEN, Status, may_move
from models.rules.policies import is_late_cancel, may_cancel_online
from models.rules.requests import GuestDetails, TableChange, TableRequest
from models.rules.windows import quarter_of

#: A seating never reaches further than this many quarters from its start (two days).
_REACH = 192


def change_reservation(
    session: Session,
    reservation_id: int,
    *,
    change: TableChange,
    now: datetime,
    actor: str,
    by_staff: bool,
    if_revision: int | None = None,
    awaited: bool = False,
) -> int | None:
    """Write a wish to change down, for the lane to decide; the id of the wish.

    A wish that waits already is replaced by one with both: asked for four, then for eight
    o'clock, it is four at eight. None when that comes to what the reservation has anyway, and
    the waiting wish is withdrawn. Raises NotFound, Invalid (field named), StateConflict,
    RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    _check_revision(row, if_revision)
    house = house_by_id(session, row.restaurant_id)
    _check_open(row, now=now, by_staff=by_staff)
    waiting = _waiting_wish(session, reservation_id)
    wished, has = _wished(house, waiting or row, change), _has(house, row)
    sitting = check_change(house, wished, change=change, has=has, now=now, online=not by_staff)
    area = house.area_by_key.get(wished.area_key or "")
    values = (wished.party_size, wished.starts_at, area.id if area else None)
    if values == (row.party_size, row.starts_at, row.area_id):
        if waiting is None:
            raise Invalid.field("party_size", "it asks for what the reservation has already")
        _end_waiting_wishes(session, reservation_id, status="dropped", now=now)
        return None
    _end_waiting_wishes(session, reservation_id, status="superseded", now=now)
    wish = ReservationChange(
        restaurant_id=row.restaurant_id,
        reservation_id=row.id,
        book_id=sitting.book_id,
        status="requested",
        party_size=values[0],
        starts_at=values[1],
        area_id=values[2],
        by_staff=by_staff,
        actor=actor,
        awaited=awaited,
        created_at=now,
    )
    session.add(wish)
    session.flush()
    return wish.id


def edit_details(
    session: Session,
    reservation_id: int,
    *,
    note: str | None = None,
    guest: GuestDetails | None = None,
    now: datetime,
    actor: str,
    if_revision: int | None = None,
) -> None:
    """Change what needs no decision: the note, and how the guest is called and reached."""
    row = lock_reservation(session, reservation_id)
    _check_revision(row, if_revision)
    if Status(row.status) not in OPEN | HOLDING:
        raise StateConflict(f"a reservation that is {row.status} cannot be changed")
    known = row.guest
    if guest is not None:
        row.guest_locale = guest.locale
        known = Guest(guest.name, guest.email, guest.phone, known.note)
    row.guest = known if note is None else replace(known, note=note)
    write_move(session, row, Status(row.status), now=now, actor=actor, reason="edited")


def cancel_reservation(
    session: Session,
    reservation_id: int,
    *,
    now: datetime,
    actor: str,
    by_staff: bool,
    if_revision: int | None = None,
) -> None:
    """Cancel: the tables are free at once, the waitlist gets its chance, the guest is told.

    Cancelling twice is the same as once. A late cancellation is allowed and recorded as late.
    Raises NotFound, StateConflict, RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    if row.status == Status.CANCELLED:
        return
    _check_revision(row, if_revision)
    before = Status(row.status)
    if not may_move(before, Status.CANCELLED):
        raise StateConflict(f"a reservation that is {row.status} cannot be cancelled")
    if not by_staff:
        _check_open(row, now=now, by_staff=False)
    _end_waiting_wishes(session, reservation_id, status="dropped", now=now)
    if before in HOLDING:
        _give_tables_back(session, row, now=now)
    cutoff = int((row.terms or {}).get("cancel_cutoff_minutes", 0))
    late = is_late_cancel(cutoff, row.starts_at, now=now) and before in HOLDING
    verdicts = Verdicts(now, actor)
    verdicts.moved(
        house_by_id(session, row.restaurant_id),
        row,
        Status.CANCELLED,
        "late_cancellation" if late else "cancellation",
        starts_at=row.starts_at,
    )
    verdicts.write(session)
    row.status = Status.CANCELLED.value
    row.revision += 1


def _give_tables_back(session: Session, row: Reservation, *, now: datetime) -> None:
    tables = tuple(
        session.scalars(
            select(Assignment.dining_table_id).where(Assignment.reservation_id == row.id)
        )
    )
    start = quarter_of(row.starts_at)
    release_tables(session, row.id, tables, first=start - _REACH, last=start + _REACH)
    free_books(session, {row.book_id: row.restaurant_id}, now=now)


def _check_revision(row: Reservation, if_revision: int | None) -> None:
    if if_revision is not None and row.revision != if_revision:
        raise RevisionConflict("the reservation has changed since you read it")


def _check_open(row: Reservation, *, now: datetime, by_staff: bool) -> None:
    if Status(row.status) not in OPEN:
        raise StateConflict(f"a reservation that is {row.status} cannot be changed")
    if not by_staff and not may_cancel_online(row.starts_at, now=now):
        raise StateConflict("it has begun; please call the restaurant")


def _waiting_wish(session: Session, reservation_id: int) -> ReservationChange | None:
    """The wish that waits to be decided; under the book's lock there is one at most."""
    query = select(ReservationChange).where(
        ReservationChange.reservation_id == reservation_id,
        ReservationChange.status == "requested",
    )
    return session.scalars(query.order_by(ReservationChange.id.desc()).limit(1)).first()


def _wished(
    house: House, before: Reservation | ReservationChange, change: TableChange
) -> TableRequest:
    """The whole wish: what changes, and what stays as it was or as it was wished before."""
    has = _has(house, before)
    if before.area_id and has.area_key is None and change.area_key is None:
        # not into another room without a word
        raise Invalid.field("area", "the area is gone that was asked for; name another, or none")
    return replace(
        has,
        party_size=change.party_size or has.party_size,
        starts_at=change.starts_at or has.starts_at,
        area_key=has.area_key if change.area_key is None else change.area_key or None,
    )


def _has(house: House, row: Reservation | ReservationChange) -> TableRequest:
    """What is there, as a request: who comes stays, and is not asked about."""
    area = house.area_by_id.get(row.area_id or 0)
    nobody = GuestDetails(name="")
    return TableRequest(row.party_size, row.starts_at, nobody, area.key if area else None)


def _end_waiting_wishes(
    session: Session, reservation_id: int, *, status: str, now: datetime
) -> None:
    session.execute(
        update(ReservationChange)
        .where(
            ReservationChange.reservation_id == reservation_id,
            ReservationChange.status == "requested",
        )
        .values(status=status, decided_at=now)
    )
