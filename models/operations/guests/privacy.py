"""Erase one guest, and again after a restore.

The erasure is stored by keyed hash, in the database and in a file beside it: an earlier backup
brings the guest back, and `replay_erasure` with that file erases the guest again. The hashes need
the SECRET_KEY under which they were made.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models.core.errors import Invalid, StateConflict
from models.core.secrets.signing import contact_key
from models.entities.messages import Message
from models.entities.privacy import Erasure
from models.entities.reservations import Reservation
from models.operations.accounts.audit import note
from models.operations.deciding.books import lock_reservation
from models.operations.guests.consents import drop_orphans, erase_consents
from models.operations.guests.erasures import ErasureLine, write_down
from models.operations.guests.forgetting import forget_reservations
from models.operations.reservations.changes import cancel_reservation
from models.queries.guests.privacy import export_guest, of_contact
from models.rules.reservations.lifecycle import ENDED, Status, may_move


@dataclass(frozen=True, slots=True)
class Erased:
    """The result of an erasure: the reservations by reference, and how many of each kind."""

    references: tuple[str, ...]
    cancelled: int
    messages: int
    consents: int


def give_out(
    session: Session,
    contact: str,
    *,
    restaurant_id: int | None = None,
    now: datetime,
    actor: str,
) -> dict[str, Any]:
    """Return all data on the guest with this normalized contact (`export_guest`); audited."""
    found = export_guest(session, contact, restaurant_id=restaurant_id)
    restaurants: dict[int, list[str]] = {} if restaurant_id is None else {restaurant_id: []}
    for row in found["reservations"]:
        restaurants.setdefault(row["restaurant_id"], []).append(row["reference"])
    for restaurant, about in restaurants.items():
        note(session, restaurant, actor=actor, action="guest.exported", about=about, now=now)
    return found


def erase_guest(
    session: Session,
    contact: str,
    *,
    restaurant_id: int | None = None,
    cancel: bool = False,
    now: datetime,
    actor: str,
) -> Erased:
    """Erase the guest with this normalized e-mail or phone, at one restaurant or all.

    Raises StateConflict, naming the references, if one of the reservations has not ended; with
    `cancel` those are cancelled first, and only a seated party prevents the erasure. If nobody has
    that contact, nothing is erased. The guest is not notified of a cancellation, because the
    address is gone. Audited.
    """
    key = contact_key(contact)
    if key is None:
        raise Invalid.field("contact", "must not be empty")
    found = session.scalars(of_contact(key, restaurant_id)).all()
    # Read again under the lock: the staff may have corrected a wrong contact meanwhile.
    rows = [row for row in _locked(session, found) if key in (row.email_key, row.phone_key)]
    _check_ended(rows, cancel=cancel)
    cancelled = sum(_cancel_if_open(session, row, now=now, actor=actor) for row in rows)
    numbers = [row.id for row in rows]
    messages = _count_messages(session, numbers)
    by_restaurant = _by_restaurant(rows)
    forget_reservations(session, numbers, now=now, actor=actor)
    consents = erase_consents(session, key, restaurant_id)
    count = sum(consents.values())
    for restaurant in sorted(by_restaurant.keys() | consents.keys()):
        references, contacts = by_restaurant.get(restaurant, ([], set()))
        count += drop_orphans(session, restaurant, contacts)
        write_down(session, ErasureLine(restaurant, key, now, actor, tuple(references)))
    for restaurant in sorted(
        {*by_restaurant, *consents, *([restaurant_id] if restaurant_id else [])}
    ):
        about = by_restaurant.get(restaurant, ([], set()))[0]
        note(session, restaurant, actor=actor, action="guest.erased", about=about, now=now)
    named = tuple(
        each for restaurant in sorted(by_restaurant) for each in by_restaurant[restaurant][0]
    )
    return Erased(named, cancelled, messages, count)


def replay_erasure(session: Session, line: ErasureLine, *, now: datetime) -> int:
    """Erase again the guest of this line; return how many reservations. Repeating does nothing.

    A line that is stored in the database was carried out in it, and does nothing. Otherwise this
    erases the reservations that were erased then, by reference, and those that the contact had made
    before. Reservations made since stay. Those that the backup has as open are cancelled; a
    seated party keeps its table, and its guest is forgotten.
    """
    if session.scalar(select(Erasure.id).where(*_same(line)).limit(1)) is not None:
        return 0
    row = Reservation
    before = of_contact(line.contact, line.restaurant_id).where(row.created_at <= line.at)
    named = select(row.id).where(
        row.reference.in_(line.references),
        row.restaurant_id == line.restaurant_id,
        row.forgotten_at.is_(None),
    )
    found = dict.fromkeys([*session.scalars(before), *session.scalars(named)])
    rows = _locked(session, list(found))
    for each in rows:
        _cancel_if_open(session, each, now=now, actor=line.actor)
    forget_reservations(session, [each.id for each in rows], now=now, actor=line.actor)
    erase_consents(session, line.contact, line.restaurant_id, until=line.at)
    session.add(
        Erasure(
            restaurant_id=line.restaurant_id, contact=line.contact, at=line.at, actor=line.actor
        )
    )
    return len(rows)


def _by_restaurant(rows: Iterable[Reservation]) -> dict[int, tuple[list[str], set[bytes]]]:
    """Return, by restaurant id, the references and all contact keys of these reservations."""
    found: dict[int, tuple[list[str], set[bytes]]] = {}
    for row in rows:
        references, contacts = found.setdefault(row.restaurant_id, ([], set()))
        references.append(row.reference)
        contacts.update(key for key in (row.email_key, row.phone_key) if key)
    return found


def _same(line: ErasureLine) -> tuple[ColumnElement[bool], ...]:
    return (
        Erasure.contact == line.contact,
        Erasure.restaurant_id == line.restaurant_id,
        Erasure.at == line.at,
    )


def _locked(session: Session, numbers: Sequence[int]) -> list[Reservation]:
    return [lock_reservation(session, number) for number in numbers]


def _count_messages(session: Session, numbers: Sequence[int]) -> int:
    query = select(func.count()).select_from(Message)
    return session.scalar(query.where(Message.reservation_id.in_(numbers))) or 0


def _check_ended(rows: Iterable[Reservation], *, cancel: bool) -> None:
    in_the_way = [
        row.reference
        for row in rows
        if Status(row.status) not in ENDED
        and not (cancel and may_move(Status(row.status), Status.CANCELLED))
    ]
    if in_the_way:
        raise StateConflict(f"these reservations have not ended yet: {', '.join(in_the_way)}")


def _cancel_if_open(session: Session, row: Reservation, *, now: datetime, actor: str) -> bool:
    if not may_move(Status(row.status), Status.CANCELLED):
        return False
    cancel_reservation(session, row.id, now=now, actor=actor, by_staff=True)
    return True
