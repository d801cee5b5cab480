"""Check of guests' data: it can be decrypted, matches the contact keys, and is erased in time."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Row, String, not_, or_, select, type_coerce
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.core.errors import DecryptionFailed, SettingsInvalid
from models.core.secrets.encryption import keyring
from models.core.secrets.signing import contact_key
from models.entities.messages import Message
from models.entities.parties import PartyDetails, open_details
from models.entities.reservations import Reservation, ReservationChange
from models.entities.sealed_guest import Guest, open_contact, open_guest, open_staff_note
from models.entities.shifts import ShiftDay
from models.integrity.finding import Finding
from models.integrity.law import Law, breaches
from models.integrity.times import seconds_between
from models.rules.reservations.lifecycle import ENDED, OPEN
from models.rules.restaurant.features import wants_from, wants_to

#: Reservations read per query: this bounds the memory.
_AT_ONCE: Final = 5_000
_MOST_STARTS: Final = 3
#: No party runs later than this.
_LATEST_SECONDS: Final = 24 * 3600
_LOCALE: Final = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_REFERENCE: Final = re.compile(r"[A-Z0-9]{4,12}")
_UNREADABLE: Final = (DecryptionFailed, ValueError, TypeError)


def guests(session: Session, *, first: int, last: int) -> Iterator[Finding]:
    """Check these reservations' guests: encryption, keys, language, terms, features, new starts."""
    after = first - 1
    while rows := _read(session, after, last):
        after = rows[-1].id
        for row in rows:
            problem = _problem(row)
            if problem:
                yield Finding("guest", (row.id,), f"reservation {row.id} {problem}")


def keyring_finding() -> Finding | None:
    """A finding if no guest at all can be decrypted here; else None."""
    try:
        keyring()
    except SettingsInvalid as error:
        return Finding("guest", (), f"no guest can be decrypted: {error.message}")
    return None


def contacts_before(session: Session) -> Iterator[Finding]:
    """Check previous contacts, which stay encrypted in a message until it is sent."""
    if keyring_finding():
        return  # reported already
    row, said = table_of(Reservation).c, table_of(Message).c
    query = (
        select(said.id, row.id, row.reference, said.recipient_sealed)
        .join_from(said.id.table, row.id.table, row.id == said.reservation_id)
        .where(said.recipient_sealed.is_not(None))
        # few messages have one: look up their reservations, not every reservation's messages
        .prefix_with("STRAIGHT_JOIN", dialect="mysql")
    )
    for number, party, reference, sealed in session.execute(query):
        try:
            open_contact(sealed, reference=reference)
        except _UNREADABLE:
            text = f"message {number} of reservation {party} has an unreadable recipient"
            yield Finding("guest", (party,), text)


def change_alternatives(session: Session, *, limit: int) -> Iterator[Finding]:
    """Check the starts that were offered when a change request was refused."""
    wish = table_of(ReservationChange).c
    text = type_coerce(wish.alternatives, String)
    query = select(wish.id, wish.reservation_id, text).where(text.is_not(None), text != "null")
    for number, party, starts in session.execute(query.limit(limit)):
        if not _are_starts(starts):
            what = f"change {number} of reservation {party} has unreadable alternatives"
            yield Finding("row", (party,), what)


def _read(session: Session, after: int, last: int) -> list[Row[*tuple[Any, ...]]]:
    row = table_of(Reservation).c
    query = (
        select(
            row.id,
            row.reference,
            row.source,
            row.guest_sealed,
            row.staff_note_sealed,
            row.email_key,
            row.phone_key,
            row.guest_locale,
            row.forgotten_at,
            type_coerce(row.terms, String).label("terms"),
            type_coerce(row.wanted_features, String).label("wanted_features"),
            type_coerce(row.alternatives, String).label("alternatives"),
        )
        .where(row.id > after, row.id <= last)
        .order_by(row.id)
    )
    return list(session.execute(query.limit(_AT_ONCE)).all())


def _problem(row: Row[*tuple[Any, ...]]) -> str:
    """The problem with a guest's data; empty if there is none. Never contains any of the data."""
    try:
        guest = open_guest(row.guest_sealed, reference=row.reference)
        open_staff_note(row.staff_note_sealed, reference=row.reference)
        wrong = _wrong_key(guest, row)
    except _UNREADABLE:
        return "has a guest that cannot be decrypted"
    if wrong:
        return wrong
    if not _is_locale(row.guest_locale):
        return "has an invalid guest_locale"
    if not _REFERENCE.fullmatch(row.reference):
        return "has an invalid reference"
    if not _are_terms(row.terms):
        return "has unreadable terms"
    if not _are_wants(row.wanted_features):
        return "has unreadable wanted_features"
    return "" if _are_starts(row.alternatives) else "has unreadable alternatives"


def _wrong_key(guest: Guest, row: Row[*tuple[Any, ...]]) -> str:
    if contact_key(guest.email) != row.email_key:
        return "is not found by the guest's e-mail address"
    if contact_key(guest.phone) != row.phone_key:
        return "is not found by the guest's phone number"
    is_known = guest.email or guest.phone or guest.note
    if row.forgotten_at is not None and is_known:
        return "is erased but still has guest data"
    nameless = not guest.name and row.source != "walk_in"
    return "has a guest without a name" if nameless else ""


@lru_cache(maxsize=1_000)
def _is_locale(text: str) -> bool:
    return bool(_LOCALE.fullmatch(text))


@lru_cache(maxsize=10_000)
def _are_terms(text: str | None) -> bool:
    if text is None or text == "null":
        return True
    try:
        terms = json.loads(text)
    except ValueError:
        return False
    cutoff = terms.get("cancel_cutoff_minutes") if isinstance(terms, dict) else None
    return type(cutoff) is int and cutoff >= 0


@lru_cache(maxsize=1_000)
def _are_wants(text: str | None) -> bool:
    if text is None or text == "null":
        return True
    try:
        stored = json.loads(text)
        return bool(wants_to(wants_from(stored)) == stored)
    except (ValueError, TypeError, AttributeError):
        return False


@lru_cache(maxsize=10_000)
def _are_starts(text: str | None) -> bool:
    if text is None or text == "null":
        return True
    try:
        starts = json.loads(text)
        moments = [datetime.fromisoformat(each) for each in starts]
    except (ValueError, TypeError):
        return False
    aware = all(moment.tzinfo is not None for moment in moments)
    return isinstance(starts, list) and len(starts) <= _MOST_STARTS and aware


def forgotten(session: Session, *, limit: int) -> Iterator[Finding]:
    """Erased guests with remaining data, and guests that retention skipped."""
    row, book = Reservation, ShiftDay
    found = select(row.id).where(
        row.forgotten_at.is_not(None),
        or_(
            row.email_key.is_not(None),
            row.phone_key.is_not(None),
            row.staff_note_sealed.is_not(None),
        ),
    )
    for number in session.scalars(found.limit(limit)):
        yield Finding(
            "forgotten", (number,), f"reservation {number} is erased but still has guest data"
        )
    left = (
        select(row.id, book.service_date)
        .join(book, book.id == row.book_id)
        .where(
            book.guests_forgotten_at.is_not(None),
            row.forgotten_at.is_(None),
            row.status.in_(sorted(ENDED)),
        )
    )
    for number, day in session.execute(left.limit(limit)):
        text = f"reservation {number} of {day} is not erased, but its book is marked as erased"
        yield Finding("forgotten", (number,), text)


def parties(session: Session, *, limit: int) -> Iterator[Finding]:
    """Check the details of parties, each row with its reservation."""
    own, row = table_of(PartyDetails), table_of(Reservation)
    source = own.join(row, row.c.id == own.c.reservation_id)
    key = own.c.reservation_id
    yield from breaches(session, "details", key, key, source, _details_laws(), limit=limit)
    yield from _without_reservation(session, limit=limit)


def _details_laws() -> list[Law]:
    own, row = table_of(PartyDetails), table_of(Reservation)
    late = seconds_between(row.c.starts_at, own.c.expected_at)
    return [
        Law(
            "has details of another restaurant than its own",
            own.c.restaurant_id != row.c.restaurant_id,
            rule="reference",
        ),
        Law(
            "is expected at a time far from its start",
            not_(late.between(-_LATEST_SECONDS, _LATEST_SECONDS)),
            among=own.c.expected_at.is_not(None),
        ),
        Law("has a negative spend", own.c.spend < 0, among=own.c.spend.is_not(None)),
        Law("is erased but still has details", row.c.forgotten_at.is_not(None), rule="forgotten"),
        *_count_laws(),
    ]


def _count_laws() -> Iterator[Law]:
    row, count = table_of(Reservation).c, table_of(PartyDetails).c.arrived_covers
    some = count.is_not(None)
    wrong, coming = or_(count < 1, count >= row.party_size), row.status.in_(sorted(OPEN))
    yield Law("has an impossible arrived_covers", wrong, among=some)
    yield Law("has arrived_covers but has not arrived", coming, among=some)


def _without_reservation(session: Session, *, limit: int) -> Iterator[Finding]:
    own, row = table_of(PartyDetails).c, table_of(Reservation).c
    query = (
        select(own.reservation_id)
        .outerjoin_from(own.reservation_id.table, row.id.table, row.id == own.reservation_id)
        .where(row.id.is_(None))
    )
    for number in session.scalars(query.limit(limit)):
        text = f"details of reservation {number}, which does not exist"
        yield Finding("reference", (number,), text)


def unreadable_details(session: Session) -> Iterator[Finding]:
    """Details that cannot be decrypted."""
    own, row = table_of(PartyDetails).c, table_of(Reservation).c
    query = (
        select(row.id, row.reference, own.details_sealed)
        .join_from(own.reservation_id.table, row.id.table, row.id == own.reservation_id)
        .where(own.details_sealed.is_not(None))
    )
    for number, reference, sealed in session.execute(query):
        try:
            open_details(sealed, reference=reference)
        except (DecryptionFailed, ValueError, TypeError):
            text = f"reservation {number} has details that cannot be decrypted"
            yield Finding("guest", (number,), text)
