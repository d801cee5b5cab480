"""Booking: a guest requests a table, or the staff book one for a guest."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.orm import Session

from models.core.errors import UNKNOWN_TABLE, Invalid, NotFound, NotSeated
from models.core.secrets.signing import contact_key, new_link_secret, new_reference
from models.entities.reservations import Reservation, ReservationMove
from models.entities.sealed_guest import Guest, seal_guest, seal_staff_note
from models.operations.deciding.books import lock_books
from models.operations.deciding.rounds import Round
from models.operations.guests.consents import record_consent
from models.operations.reservations.idempotency_keys import claim_key
from models.operations.reservations.second_tables import refuse_second
from models.operations.tables.forcing import NO_FORCE, Force, refuse_too_large
from models.queries.deciding.boards import load_later
from models.queries.deciding.parties import COLUMNS, ask_of
from models.rules.deciding.board import STAFF_WORDS, Ask, Board, Outcome, Reason
from models.rules.messages.wall_clock import offset_of
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.requests import TableRequest
from models.rules.restaurant.features import wants_to
from models.rules.restaurant.pacing import keeps_pace
from models.rules.restaurant.policies import check_request
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import Sitting
from models.rules.restaurant.turn_times import turn_in


@dataclass(frozen=True, slots=True)
class Accepted:
    """A stored request. `replayed`: an earlier request with the same key made it."""

    reservation_id: int
    reference: str
    #: the secret in its manage token
    link_secret: bytes | None = field(repr=False)
    replayed: bool = False


def request_reservation(
    connection: Connection,
    restaurant: RestaurantSpec,
    *,
    request: TableRequest,
    key: str,
    body: bytes,
    now: datetime,
    awaited: bool = False,
    links: Sequence[str] = (),
) -> Accepted:
    """Store a guest's request in `requested`, for its lane to decide.

    `links`: manage tokens that the caller has already. Two statements, three with a link. Raises
    Invalid naming the fields, AlreadyBooked, KeyReused, KeyInFlight.
    """
    reference = new_reference()
    before = claim_key(
        connection, f"guest:{restaurant.id}", key, body=body, reference=reference, now=now
    )
    if before is not None:
        return replayed(connection, before)
    sitting = check_request(restaurant, request, now=now, online=True)
    refuse_second(connection, restaurant, request, links, now=now)
    row = new_row(restaurant, sitting, request, reference=reference, now=now)
    return Accepted(
        insert_row(connection, row | {"awaited": awaited}), reference, row["link_secret"]
    )


def book_for_guest(
    session: Session,
    restaurant: RestaurantSpec,
    *,
    request: TableRequest,
    key: str,
    body: bytes,
    now: datetime,
    actor: str,
    table_ids: tuple[int, ...] = (),
    force: Force = NO_FORCE,
    walk_in: bool = False,
    notify: bool = True,
) -> Accepted:
    """Book for a guest at the stand; decided in this transaction, under the book's lock.

    `table_ids`: these tables; `force`: the party may exceed the pacing, or what the tables seat;
    `walk_in`: recorded as a walk-in (seat it with `arrivals.seat` in the same transaction);
    `notify=False`: the staff notify the guest themselves, but reminders are still sent. Raises
    Invalid, KeyReused, KeyInFlight, NotSeated, TooLarge.
    """
    reference = new_reference()
    connection = session.connection()
    before = claim_key(
        connection, f"{actor}:{restaurant.id}", key, body=body, reference=reference, now=now
    )
    if before is not None:
        return replayed(connection, before)
    sitting = check_request(restaurant, request, now=now, online=False)
    check_chosen(restaurant, request, table_ids, force)
    books = {sitting.book_id: restaurant.id}
    lock_books(session, books)
    row = new_row(restaurant, sitting, request, reference=reference, now=now)
    note_consent(connection, restaurant, request, now=now)
    row |= {"source": "walk_in" if walk_in else "staff", "pacing_forced": force.overbook}
    reservation_id = insert_row(connection, row | {"tables_chosen": bool(table_ids)})
    round_ = Round(session, books, now=now, actor=actor)
    round_.verdicts.not_notified |= set() if notify else {reservation_id}
    seat_now(round_, reservation_id, table_ids=table_ids, force_pacing=force.overbook)
    note_force(session, reservation_id, force)
    return Accepted(reservation_id, reference, row["link_secret"])


def check_chosen(
    restaurant: RestaurantSpec, request: TableRequest, table_ids: tuple[int, ...], force: Force
) -> None:
    """Raise TooLarge if the party is larger than the tables that the host chose seat."""
    if table_ids and set(table_ids) <= restaurant.table_by_id.keys():
        size = request.party_size
        refuse_too_large(restaurant, table_ids, party_size=size, who="this", force=force)


def note_force(session: Session, reservation_id: int, force: Force) -> None:
    """Keep what the host overrode, and why, with the decision in the history."""
    row = ReservationMove
    if detail := force.detail():
        decision = update(row).where(row.reservation_id == reservation_id, row.revision == 2)
        noted = decision.values(detail=detail).execution_options(synchronize_session=False)
        session.execute(noted)


def seat_now(
    round_: Round,
    reservation_id: int,
    *,
    table_ids: tuple[int, ...] = (),
    force_pacing: bool = False,
    reason: str = "decision",
) -> None:
    """Confirm the party in this round, whose book is locked. Raises NotSeated, Invalid."""
    row = round_.session.execute(select(*COLUMNS).where(Reservation.id == reservation_id)).one()
    board = round_.boards.get(row.book_id)
    ask = replace(ask_of(row), waitlist=False, force_pacing=force_pacing, by_staff=True)
    if board is not None and ask.turn_minutes is not None:
        load_later(round_.session, board, ask, now=round_.now)
    if board is None:  # closed since the caller read the restaurant
        outcome = Outcome(Status.DECLINED, reason=Reason.CLOSED)
    elif table_ids:
        outcome = _at_these_tables(board, ask, table_ids)
    else:
        # A staff booking may be recorded after its start.
        outcome = round_.decide(board, ask, earliest=0)
    if outcome.status is not Status.CONFIRMED:
        why = outcome.reason or Reason.FULL
        raise NotSeated(STAFF_WORDS[why], reason=why.value)
    round_.settle(round_.restaurants[row.restaurant_id], row, outcome, reason=reason)
    round_.close(more=False)


def _at_these_tables(board: Board, ask: Ask, table_ids: tuple[int, ...]) -> Outcome:
    """Decide on tables chosen by the host: they must be the restaurant's, free, and within pacing.

    Raises Invalid if a table is not the restaurant's.
    """
    unknown = [table_id for table_id in table_ids if table_id not in board.restaurant.table_by_id]
    if unknown:
        raise Invalid.field("tables", UNKNOWN_TABLE)
    tables = tuple(dict.fromkeys(table_ids))
    if (shut := board.shut(ask, ask.quarter)) is not None:
        return Outcome(Status.DECLINED, reason=shut)
    pacing, load = board.pacing(ask, ask.quarter), board.pace.get(ask.quarter)
    if not ask.force_pacing and not keeps_pace(pacing, load, ask.party_size, online=False):
        return Outcome(Status.DECLINED, reason=Reason.PACING)
    held = board.held(ask, tables)
    if board.floor.first_free([tables], board.floor.mask(ask.quarter, held)) is None:
        return Outcome(Status.DECLINED, reason=Reason.FULL)
    return Outcome(Status.CONFIRMED, seats=tables, held=held)


def new_row(
    restaurant: RestaurantSpec,
    sitting: Sitting,
    request: TableRequest,
    *,
    reference: str,
    now: datetime,
) -> dict[str, Any]:
    """Return the columns of a request in `requested`, at its first revision."""
    area = restaurant.area_by_key[request.area_key].id if request.area_key else None
    usual = turn_in(restaurant, sitting.shift, (area,), party_size=request.party_size)
    minutes = request.turn_minutes or usual
    guest = request.guest
    return {
        "reference": reference,
        "restaurant_id": restaurant.id,
        "book_id": sitting.book_id,
        "status": Status.REQUESTED.value,
        "revision": 1,
        "party_size": request.party_size,
        "starts_at": request.starts_at,
        "ends_at": request.starts_at + timedelta(minutes=minutes),
        "told_offset": offset_of(restaurant, request.starts_at),
        "area_id": area,
        "turn_minutes": request.turn_minutes,
        "wanted_features": wants_to(request.wants),
        "waitlist": request.waitlist,
        "source": "online",
        "pacing_forced": False,
        "tables_chosen": False,
        "guest_sealed": seal_guest(
            Guest(guest.name, guest.email, guest.phone, request.note), reference=reference
        ),
        "staff_note_sealed": seal_staff_note(request.staff_note, reference=reference),
        "notes_revision": 1,
        "guest_locale": guest.locale,
        "email_key": contact_key(guest.email),
        "phone_key": contact_key(guest.phone),
        "awaited": False,
        "created_at": now,
        "link_secret": new_link_secret(),
        "terms": _terms(restaurant, request),
    }


def _terms(restaurant: RestaurantSpec, request: TableRequest) -> dict[str, Any]:
    """Return the agreed terms. A guest's marketing choice waits until the contact is confirmed."""
    terms: dict[str, Any] = {"cancel_cutoff_minutes": restaurant.policies.cancel_cutoff_minutes}
    if request.marketing is not None and request.marketing.source != "staff":
        terms["marketing"] = request.marketing.waiting()
    return terms


def note_consent(
    connection: Connection, restaurant: RestaurantSpec, request: TableRequest, *, now: datetime
) -> None:
    """Record what the guest told the staff about marketing, if they asked."""
    if request.marketing is not None:
        contacts = {"email": request.guest.email, "sms": request.guest.phone}
        record_consent(connection, restaurant.id, contacts, request.marketing, now=now)


_INSERT = insert(Reservation.__table__)  # type: ignore[arg-type]


def insert_row(connection: Connection, row: dict[str, Any]) -> int:
    """Write a row of `reservations`; return its id."""
    made = connection.execute(_INSERT, row)
    return int(made.lastrowid)


def replayed(connection: Connection, reference: str) -> Accepted:
    """Return what the first request with this key made. Raises NotFound."""
    query = select(Reservation.id, Reservation.link_secret)
    found = connection.execute(query.where(Reservation.reference == reference)).one_or_none()
    if found is None:
        raise NotFound("the reservation created with this key no longer exists")
    return Accepted(found.id, reference, found.link_secret, replayed=True)
