"""Changes: a guest or the staff change or cancel a reservation."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.errors import Invalid, RevisionConflict, StateConflict
from models.entities.reservations import (
    EDITED,
    Assignment,
    Reservation,
    ReservationChange,
)
from models.entities.sealed_guest import Guest
from models.operations.books import free_books, lock_reservation
from models.operations.history import write_move
from models.operations.verdicts import Verdicts, release_tables
from models.operations.wishes import as_request, end_waiting_wishes, waiting_wish, wished
from models.queries.floor import house_by_id
from models.rules.changing import check_change
from models.rules.lifecycle import HOLDING, OPEN, Status, may_move
from models.rules.policies import is_late_cancel, may_cancel_online
from models.rules.requests import GuestDetails, TableChange
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
    waiting = waiting_wish(session, reservation_id)
    asked, has = wished(house, waiting or row, change), as_request(house, row)
    sitting = check_change(house, asked, change=change, has=has, now=now, online=not by_staff)
    area = house.area_by_key.get(asked.area_key or "")
    values = (asked.party_size, asked.starts_at, area.id if area else None)
    if values == (row.party_size, row.starts_at, row.area_id):
        if waiting is None:
            raise Invalid.field("party_size", "it asks for what the reservation has already")
        end_waiting_wishes(session, reservation_id, status="dropped", now=now)
        return None
    end_waiting_wishes(session, reservation_id, status="superseded", now=now)
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
    staff_note: str | None = None,
    guest: GuestDetails | None = None,
    now: datetime,
    actor: str,
    if_revision: int | None = None,
) -> None:
    """Change what needs no decision: the notes, and how the guest is called and reached.

    `note` is the guest's, `staff_note` the staff's own, which no guest is shown.
    """
    row = lock_reservation(session, reservation_id)
    _check_revision(row, if_revision)
    if Status(row.status) not in OPEN | HOLDING:
        raise StateConflict(f"a reservation that is {row.status} cannot be changed")
    known, kept = row.guest, row.staff_note
    if guest is not None:
        row.guest_locale = guest.locale
        known = Guest(guest.name, guest.email, guest.phone, known.note)
    write_move(session, row, Status(row.status), now=now, actor=actor, reason=EDITED)
    row.write_notes(
        known if note is None else replace(known, note=note),
        kept if staff_note is None else staff_note,
    )


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
    end_waiting_wishes(session, reservation_id, status="dropped", now=now)
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
