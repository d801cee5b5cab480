"""Call a party from the list to its table; when it does not come in time, call the next."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy.orm import Session

from models.core.database.bulk import bulk_insert
from models.core.database.transactions import table_of
from models.core.errors import UNKNOWN_TABLE, Invalid, NotSeated, StateConflict, sentence
from models.entities.door import DoorEntry
from models.entities.messages import Message
from models.entities.reservations import Reservation
from models.operations.deciding.books import lock_reservation, touch_books
from models.operations.door.free_tables import (
    free_seats,
    hold_called,
    no_table_words,
    refuse_unseatable,
    taken_from_now,
    uncall,
)
from models.operations.door.joining import entry_of
from models.operations.reservations.history import write_move
from models.operations.reservations.repeats import ANYTHING, ActsOn, is_repeat
from models.operations.stand.steps import check_verb
from models.operations.tables.forcing import NO_FORCE, Force, refuse_too_large
from models.queries.door.waiting import seats_for, waiting_rows
from models.queries.floor.load import restaurant_by_id
from models.rules.deciding.seating import Seats
from models.rules.door.hours import ready_until
from models.rules.messages.notifying import (
    MISSED_REASON,
    NOT_WANTED,
    READY_REASON,
    Kind,
    channels,
)
from models.rules.messages.outbox import message_rows
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.verbs import Verb
from models.rules.restaurant.restaurant import RestaurantSpec

CLOCK: Final = "clock"


def call_to_table(
    session: Session,
    reservation_id: int,
    *,
    now: datetime,
    actor: str,
    tables: Seats = (),
    notify: bool = True,
    acts_on: ActsOn = ANYTHING,
    force: Force = NO_FORCE,
) -> None:
    """Tell the party that its table is ready; it has `door_ready_minutes` to come.

    At `tables`, or at the best that is free for its whole turn. Calling a party again before its
    time is over does nothing, unless other tables are named. Raises NotFound, StateConflict,
    RevisionConflict, Invalid for a table of another restaurant, NotSeated when none is free and
    none is named, TooLarge, and TableTaken when the named ones are meant for a party that comes
    before it could sit there.
    """
    row = lock_reservation(session, reservation_id)
    if is_repeat(session, row, acts_on, reason=READY_REASON, actor=actor):
        return
    entry = entry_of(session, row)
    check_verb(row, Verb.READY, now=now)
    wanted = tuple(sorted(set(tables)))
    if entry.ready_until is not None and wanted in ((), tuple(entry.ready_tables or ())):
        return
    restaurant = restaurant_by_id(session, row.restaurant_id)
    promised = _promised(session, restaurant, row, now=now)
    if not set(wanted) <= restaurant.table_by_id.keys():
        raise Invalid.field("tables", UNKNOWN_TABLE)
    if taken := promised.keys() & set(wanted):
        raise StateConflict(
            sentence(
                "called_there",
                "reservation {reference} was called to that table",
                reference=promised[min(taken)],
            )
        )
    wait = ready_until(restaurant, now) - now
    if wanted:
        _refuse(session, restaurant, row, wanted, force, now=now)
    seats = wanted or free_seats(session, restaurant, row, besides=promised, now=now, wait=wait)
    if seats is None:
        raise NotSeated(no_table_words(restaurant), reason="full")
    noted = force.detail()
    _call(session, restaurant, row, entry, seats, now=now, actor=actor, notify=notify, noted=noted)


def _refuse(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    tables: Seats,
    force: Force,
    *,
    now: datetime,
) -> None:
    """Raise TooLarge or TableTaken if the party could not sit at the tables that the host named."""
    who = f"reservation {row.reference}"
    refuse_too_large(restaurant, tables, party_size=row.party_size, who=who, force=force)
    refuse_unseatable(session, restaurant, row, tables, now=now)


def call_next_after(session: Session, reservation_id: int, *, now: datetime) -> int | None:
    """Where a called party's time is over: mark it, and call the next that its tables suit.

    Returns the reservation called; None: nobody suits, or the party came or was called again.
    """
    row = lock_reservation(session, reservation_id)
    entry = session.get(DoorEntry, row.id, populate_existing=True)
    is_over = entry is not None and entry.ready_until is not None and entry.ready_until <= now
    if entry is None or not is_over or row.status != Status.WAITLISTED:
        return None
    tables = tuple(entry.ready_tables or ())
    entry.missed_at = now
    uncall(session, row, entry, now=now)
    write_move(session, row, Status.WAITLISTED, now=now, actor=CLOCK, reason=MISSED_REASON)
    touch_books(session, {row.book_id: row.restaurant_id})
    session.flush()
    restaurant = restaurant_by_id(session, row.restaurant_id)
    return _call_first(session, restaurant, row, tables, now=now)


def _call_first(
    session: Session,
    restaurant: RestaurantSpec,
    missed: Reservation,
    tables: Seats,
    *,
    now: datetime,
) -> int | None:
    """Call the first party that these tables suit, if they are free now."""
    for row, entry in waiting_rows(session, restaurant, now=now):
        is_next = entry.missed_at is None and entry.ready_until is None
        # only within the locked book: another sitting's list is another host's hour
        if not is_next or row.book_id != missed.book_id:
            continue
        if tables not in seats_for(restaurant, row.party_size, row.area_id):
            continue
        promised = _promised(session, restaurant, row, now=now)
        wait = ready_until(restaurant, now) - now
        taken = taken_from_now(session, restaurant, row, tables, now=now, wait=wait)
        if set(tables) & (taken | promised.keys()):
            return None
        if restaurant.covers is not None and _is_full(session, restaurant, row, now=now, wait=wait):
            return None
        _call(session, restaurant, row, entry, tables, now=now, actor=CLOCK, notify=True)
        return row.id
    return None


def _is_full(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    *,
    now: datetime,
    wait: timedelta,
) -> bool:
    return free_seats(session, restaurant, row, now=now, wait=wait) is None


def _call(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    entry: DoorEntry,
    seats: Seats,
    *,
    now: datetime,
    actor: str,
    notify: bool,
    noted: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    labels = [restaurant.table_by_id[table].label for table in seats]
    detail = {"tables": labels, **noted}
    write_move(
        session, row, Status.WAITLISTED, now=now, actor=actor, reason=READY_REASON, detail=detail
    )
    uncall(session, row, entry, now=now)
    until = ready_until(restaurant, now)
    hold_called(session, restaurant, row, seats, now=now)
    entry.ready_at, entry.ready_until = now, until
    entry.ready_tables, entry.ready_revision = list(seats), row.revision
    entry.missed_at, entry.served_at = None, entry.served_at or now
    by = channels(email=bool(row.email_key), phone=bool(row.phone_key))
    rows: list[dict[str, Any]] = message_rows(
        Kind.TABLE_READY,
        restaurant_id=row.restaurant_id,
        reservation_id=row.id,
        revision=row.revision,
        by=by,
        now=now,
    )
    bulk_insert(
        session, table_of(Message), rows if notify else [each | NOT_WANTED for each in rows]
    )
    touch_books(session, {row.book_id: row.restaurant_id})


def _promised(
    session: Session, restaurant: RestaurantSpec, row: Reservation, *, now: datetime
) -> dict[int, str]:
    """Return the tables that other parties were called to: table -> the party's reference."""
    return {
        table: other.reference
        for other, entry in waiting_rows(session, restaurant, now=now)
        if other.id != row.id and entry.ready_until is not None and entry.ready_until > now
        for table in entry.ready_tables or ()
    }
