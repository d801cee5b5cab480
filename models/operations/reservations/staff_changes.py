"""Changes by the staff: decided within the request, or rolled back."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.errors import Busy, Invalid, NotSeated, StateConflict, sentence
from models.entities.reservations import Reservation, ReservationChange
from models.operations.deciding.books import lock_books, lock_reservation
from models.operations.deciding.change_decisions import decide_change
from models.operations.deciding.rounds import Round
from models.operations.door.changing import change_at_door, waits_at_door
from models.operations.reservations.pending_changes import (
    as_request,
    check_open,
    check_revision,
    matches,
    merged_request,
    new_change,
    pending_change,
)
from models.operations.stand.present_changes import change_present
from models.queries.deciding.parties import COLUMNS
from models.queries.floor.load import restaurant_by_id
from models.queries.reservations.same_guest import load_same_guests
from models.rules.deciding.board import STAFF_WORDS, Reason
from models.rules.reservations.changing import check_change
from models.rules.reservations.lifecycle import HERE, Status
from models.rules.reservations.requests import TableChange
from models.rules.reservations.verbs import Verb, refusal
from models.rules.restaurant.features import Wants, wants_to
from models.rules.restaurant.policies import features_problem
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import find_sitting


def change_by_staff(
    session: Session,
    reservation_id: int,
    *,
    change: TableChange,
    now: datetime,
    actor: str,
    if_revision: int | None = None,
    notify: bool = True,
) -> bool:
    """Change the reservation now; return False if there is nothing to change.

    A party that is here already is changed by `change_present`. `if_revision` is the row's own
    revision. A pending change request of the guest is decided first, as by its lane.
    `notify=False`: the staff notify the guest themselves; reminders are still set for the new
    start. Raises NotFound, Invalid (field named), StateConflict, RevisionConflict,
    Busy, and NotSeated if there is no table: then the caller's transaction is rolled back, and
    nothing is left of the attempt.
    """
    row = _lock(session, reservation_id, change)
    if waits_at_door(row):
        check_revision(row.revision, if_revision)
        return change_at_door(session, row, change=change, now=now, actor=actor)
    check_open(row, now=now, by_staff=True)
    restaurant = restaurant_by_id(session, row.restaurant_id)
    same = matches(restaurant, row, merged_request(restaurant, row, change))
    if same and not _other_choice(row, change):
        return False
    check_revision(row.revision, if_revision)
    _choose(restaurant, row, change)
    if said := refusal(Verb.CHANGE, row, now=now):
        raise StateConflict(said)
    waiting = pending_change(session, reservation_id)
    if waiting is not None:
        _decide(session, row, waiting, now=now, actor="worker")
        session.refresh(row)
    asked, has = merged_request(restaurant, row, change), as_request(restaurant, row)
    if Status(row.status) in HERE:
        change_present(session, row, restaurant, has=has, asked=asked, now=now, actor=actor)
        return True
    sitting = check_change(restaurant, asked, change=change, has=has, now=now, online=False)
    wish = new_change(
        row, restaurant, asked, book_id=sitting.book_id, now=now, actor=actor, by_staff=True
    )
    session.add(wish)
    session.flush()
    # the guest is not told of another turn or table
    _decide(session, row, wish, now=now, actor=actor, notify=notify and not same)
    _refuse_if_refused(wish)
    return True


def _refuse_if_refused(wish: ReservationChange) -> None:
    """Raise NotSeated unless the change was accepted."""
    if wish.status != "accepted":
        reason = Reason(wish.reason or Reason.FULL)
        raise NotSeated(STAFF_WORDS.get(reason, STAFF_WORDS[Reason.FULL]), reason=reason.value)


def _other_choice(row: Reservation, change: TableChange) -> bool:
    """Return whether it names another turn, or other features, than the party has."""
    chosen = _turn_of(row, change), _wants_of(row, change)
    return chosen != (row.turn_minutes, row.wants)


def _turn_of(row: Reservation, change: TableChange) -> int | None:
    return row.turn_minutes if change.turn_minutes is None else change.turn_minutes or None


def _wants_of(row: Reservation, change: TableChange) -> Wants:
    has = row.wants
    needs = has.needs if change.needs is None else change.needs
    return Wants(needs, has.wishes if change.wishes is None else change.wishes)


def _choose(restaurant: RestaurantSpec, row: Reservation, change: TableChange) -> None:
    """Note what the staff chose. Raises Invalid, and StateConflict for a party that is here."""
    if not _other_choice(row, change):
        return
    for name, keys in (("needs", change.needs), ("wishes", change.wishes)):
        if problem := features_problem(restaurant, keys or ()):
            raise Invalid.field(name, problem)
    if Status(row.status) in HERE and _turn_of(row, change) != row.turn_minutes:
        raise StateConflict(sentence("here_extend", "the party is here: extend its turn instead"))
    row.turn_minutes = _turn_of(row, change)
    row.wanted_features = wants_to(_wants_of(row, change))


def _lock(session: Session, reservation_id: int, change: TableChange) -> Reservation:
    """Lock the books of the reservation, the new start and a pending change; return the row."""
    where = session.execute(
        select(Reservation.book_id, Reservation.restaurant_id).where(
            Reservation.id == reservation_id
        )
    ).one_or_none()
    if where is not None:
        books = {where.book_id}
        if change.starts_at is not None:
            restaurant = restaurant_by_id(session, where.restaurant_id)
            sitting = find_sitting(restaurant, change.starts_at)
            books |= {sitting.book_id} if sitting else set()
        waiting = pending_change(session, reservation_id)
        books |= {waiting.book_id} if waiting else set()
        lock_books(session, dict.fromkeys(books, where.restaurant_id))
    return lock_reservation(session, reservation_id)


def _decide(
    session: Session,
    row: Reservation,
    wish: ReservationChange,
    *,
    now: datetime,
    actor: str,
    notify: bool = True,
) -> None:
    """Decide the change on its locked books, as its lane would. Raises Busy if it cannot be."""
    books = dict.fromkeys((row.book_id, wish.book_id), row.restaurant_id)
    # held already, unless the reservation moved to another book before we had the lock
    lock_books(session, books)
    party = session.execute(select(*COLUMNS).where(COLUMNS[0] == row.id)).one()
    round_ = Round(session, books, now=now, actor=actor)
    round_.verdicts.not_notified |= set() if notify else {row.id}
    round_.guests.add(load_same_guests(session, [party]))
    decide_change(round_, wish, party)
    round_.close(more=False)
    session.refresh(wish)
    if wish.status == "requested":
        raise Busy("the reservation is being decided; try again in a moment")
