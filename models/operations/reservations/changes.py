"""Changes: a guest or the staff edit or cancel a reservation, or the guest requests a change."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.errors import StateConflict, sentence
from models.entities.reservations import (
    Assignment,
    Reservation,
)
from models.entities.sealed_guest import Guest
from models.operations.deciding.books import free_books, lock_reservation
from models.operations.deciding.verdicts import Verdicts, release_tables
from models.operations.door.seating import cancel_call
from models.operations.guest_book.filing import refile
from models.operations.messages.renotifying import contacts_of, renotify
from models.operations.reservations.history import write_move
from models.operations.reservations.pending_changes import (
    as_request,
    check_open,
    check_revision,
    end_pending_changes,
    matches,
    merged_request,
    new_change,
    pending_change,
)
from models.queries.floor.load import restaurant_by_id
from models.queries.guest_book.standing import is_blocked
from models.rules.reservations.changing import check_change
from models.rules.reservations.contact_edits import EMAIL, SMS, contact_marks, edit_reason
from models.rules.reservations.lifecycle import HOLDING, OPEN, UNDO_PAUSE, Status
from models.rules.reservations.requests import GuestDetails, TableChange
from models.rules.reservations.verbs import Verb, refusal
from models.rules.restaurant.policies import is_late_cancel
from models.rules.restaurant.sittings import quarter_of

#: No seating reaches further than this many quarters from its start (two days).
_REACH = 192
_CALL = "please call the restaurant to change this reservation; you may cancel it here"


def request_change(
    session: Session,
    reservation_id: int,
    *,
    change: TableChange,
    now: datetime,
    actor: str,
    if_revision: int | None = None,
    awaited: bool = False,
) -> int | None:
    """Store a guest's change request, for the lane to decide, and return its id.

    It replaces a pending change request and keeps what that one asked for: a request for four, then
    one for eight o'clock, becomes four at eight. Repeating a request returns the same id. Return
    None if the result equals the reservation as it is; a pending change request is then withdrawn.
    `if_revision` is the guest's revision. A guest whom the staff have blocked is asked to call.
    Raises NotFound, Invalid (field named), StateConflict,
    RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    restaurant = restaurant_by_id(session, row.restaurant_id)
    check_open(row, now=now, by_staff=False)
    waiting = pending_change(session, reservation_id)
    asked = merged_request(restaurant, waiting or row, change)
    if matches(restaurant, waiting or row, asked):
        if waiting is None:
            # nothing to change: perhaps this request made it so and its answer was lost
            return None
        waiting.awaited = waiting.awaited or awaited
        return waiting.id
    check_revision(row.guest_revision, if_revision)
    row.guest_ahead += 1
    if matches(restaurant, row, asked):
        end_pending_changes(session, reservation_id, status="dropped", now=now)
        return None
    _refuse_blocked(session, row)
    has = as_request(restaurant, row)
    sitting = check_change(restaurant, asked, change=change, has=has, now=now, online=True)
    end_pending_changes(session, reservation_id, status="superseded", now=now)
    wish = new_change(row, restaurant, asked, book_id=sitting.book_id, now=now, actor=actor)
    wish.awaited = awaited
    session.add(wish)
    session.flush()
    return wish.id


def _refuse_blocked(session: Session, row: Reservation) -> None:
    """Raise StateConflict if the staff have blocked the guest, who may still cancel."""
    if is_blocked(session, row.restaurant_id, (row.email_key, row.phone_key)):
        raise StateConflict(_CALL)


def edit_details(
    session: Session,
    reservation_id: int,
    *,
    note: str | None = None,
    staff_note: str | None = None,
    guest: GuestDetails | None = None,
    now: datetime,
    actor: str,
    by_staff: bool = False,
    if_revision: int | None = None,
) -> None:
    """Change the notes, or the guest's name and contact, none of which needs a decision.

    A new contact gets the current state of the reservation; the previous one gets a message that it
    is no longer used. `note` is the guest's; `staff_note` is the staff's own and is never shown to
    a guest. An edit without effect leaves no line in the history. A guest whom the staff have
    blocked keeps the contact. Raises NotFound, StateConflict, RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    if Status(row.status) not in OPEN | HOLDING:
        raise StateConflict(
            sentence(
                "cannot_change", "a reservation that is {state} cannot be changed", state=row.status
            )
        )
    before = (row.guest, row.guest_locale)
    known, locale = before
    if guest is not None:
        known, locale = Guest(guest.name, guest.email, guest.phone, known.note), guest.locale
    known = known if note is None else replace(known, note=note)
    kept = row.staff_note if staff_note is None else staff_note
    is_seen = (known, locale) != before
    if not is_seen and kept == row.staff_note:
        return
    check_revision(row.revision if by_staff else row.guest_revision, if_revision)
    row.guest_locale = locale
    reason = edit_reason(contacts_of(before[0]), contacts_of(known))
    if not by_staff and contact_marks(reason):
        _refuse_blocked(session, row)  # with another contact the guest would not be known
    _clear_confirmations(row, contact_marks(reason))
    write_move(session, row, Status(row.status), now=now, actor=actor, reason=reason)
    row.guest_ahead -= not is_seen
    contacts = (row.email_key, row.phone_key)
    row.write_notes(known, kept)
    if guest is not None:
        restaurant = restaurant_by_id(session, row.restaurant_id)
        renotify(session, row, restaurant, before=before[0], now=now)
        if (known.name, row.email_key, row.phone_key) != (before[0].name, *contacts):
            refile(session, row, was=contacts, now=now)


def _clear_confirmations(row: Reservation, marks: Collection[str]) -> None:
    """A changed contact is not confirmed yet."""
    if EMAIL in marks:
        row.email_proved_at = None
    if SMS in marks:
        row.phone_proved_at = None


def cancel_reservation(
    session: Session,
    reservation_id: int,
    *,
    now: datetime,
    actor: str,
    by_staff: bool,
    if_revision: int | None = None,
    notify: bool = True,
) -> None:
    """Cancel: free the tables immediately, for the waitlist to take, and notify the guest.

    Cancelling again does nothing. A late cancellation is allowed and recorded as late.
    `notify=False`: the staff notify the guest themselves. The message of a cancellation by the
    staff waits for UNDO_PAUSE, so that an undo in time sends nothing. Raises NotFound,
    StateConflict, RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    if row.status == Status.CANCELLED:
        return
    check_revision(row.revision if by_staff else row.guest_revision, if_revision)
    before = Status(row.status)
    if said := refusal(Verb.CANCEL, row, now=now):
        raise StateConflict(said)
    if not by_staff:
        check_open(row, now=now, by_staff=False)
    end_pending_changes(session, reservation_id, status="dropped", now=now)
    if before in HOLDING:
        release_all_tables(session, row, now=now)
    elif before is Status.WAITLISTED:
        cancel_call(session, row, now=now)
    cutoff = int((row.terms or {}).get("cancel_cutoff_minutes", 0))
    is_agreed = before in HOLDING and row.approve_by is None
    late = is_agreed and is_late_cancel(cutoff, row.starts_at, now=now)
    verdicts = Verdicts(now, actor, not_notified=set() if notify else {row.id})
    verdicts.moved(
        restaurant_by_id(session, row.restaurant_id),
        row,
        Status.CANCELLED,
        "late_cancellation" if late else "cancellation",
        starts_at=row.starts_at,
    )
    if by_staff:
        for message in verdicts.messages:
            message["created_at"] = message["due_at"] = now + UNDO_PAUSE
    verdicts.write(session)
    row.status = Status.CANCELLED.value
    row.confirm_by = None
    row.revision += 1


def release_all_tables(session: Session, row: Reservation, *, now: datetime) -> None:
    """Free all the party's tables and mark its book as freed, for the waitlist."""
    tables = tuple(
        session.scalars(
            select(Assignment.dining_table_id).where(Assignment.reservation_id == row.id)
        )
    )
    start = quarter_of(row.starts_at)
    release_tables(session, row.id, tables, first=start - _REACH, last=start + _REACH)
    free_books(session, {row.book_id: row.restaurant_id}, now=now)
