"""Check of the guest book: every contact is filed and found, readable, and forgotten in time."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from models.core.errors import DecryptionFailed
from models.core.secrets.signing import contact_key
from models.entities.guest_book import (
    GuestContact,
    GuestEvent,
    GuestName,
    GuestNote,
    GuestRecord,
)
from models.entities.reservations import Reservation
from models.entities.sealed_profile import open_text
from models.integrity.finding import Finding
from models.queries.guest_book.filed import filed_to
from models.queries.guest_book.keys import digits_key, word_keys
from models.queries.guest_book.members import members_of

#: Records read per query: this bounds the memory.
_AT_ONCE: Final = 1_000
_UNREADABLE: Final = (DecryptionFailed, ValueError, TypeError, KeyError)
RULE: Final = "guest-book"


def guest_book(session: Session, *, limit: int) -> Iterator[Finding]:
    """All findings about the guest books."""
    yield from _not_filed(session, limit)
    yield from _outlived(session, limit)
    yield from _references(session, limit)
    yield from _merges(session, limit)
    last = 0
    while rows := _next(session, last):
        last = rows[-1].id
        yield from _records(session, rows)


def _next(session: Session, after: int) -> Sequence[GuestRecord]:
    query = select(GuestRecord).where(GuestRecord.id > after).order_by(GuestRecord.id)
    return session.scalars(query.limit(_AT_ONCE)).all()


def _not_filed(session: Session, limit: int) -> Iterator[Finding]:
    row, contact = Reservation, GuestContact
    last = filed_to(session)
    for key in (row.email_key, row.phone_key):
        same = (contact.contact == key) & (contact.restaurant_id == row.restaurant_id)
        query = select(row.id).where(row.id <= last, key.is_not(None), ~exists().where(same))
        for number in session.scalars(query.limit(limit)):
            text = f"reservation {number} has a contact that is not in the guest book"
            yield Finding(RULE, (number,), text)


def _outlived(session: Session, limit: int) -> Iterator[Finding]:
    row, contact, record = Reservation, GuestContact, GuestRecord
    here = row.restaurant_id == contact.restaurant_id
    query = select(contact.guest_id).where(
        ~exists().where(row.email_key == contact.contact, here),
        ~exists().where(row.phone_key == contact.contact, here),
    )
    for number in session.scalars(query.limit(limit)):
        yield Finding("forgotten", (), f"guest {number} has a contact of no reservation")
    empty = select(record.id).where(
        record.merged_into.is_(None), ~exists().where(contact.guest_id == record.id)
    )
    for number in session.scalars(empty.limit(limit)):
        yield Finding("forgotten", (), f"guest {number} has no contact but was not deleted")


def _references(session: Session, limit: int) -> Iterator[Finding]:
    """Everything of a record belongs to a record of the same restaurant."""
    parent = aliased(GuestRecord)
    wanted: tuple[tuple[str, InstrumentedAttribute[int], InstrumentedAttribute[int]], ...] = (
        ("contact", GuestContact.restaurant_id, GuestContact.guest_id),
        ("contact", GuestContact.restaurant_id, GuestContact.filed_id),
        ("name", GuestName.restaurant_id, GuestName.guest_id),
        ("note", GuestNote.restaurant_id, GuestNote.guest_id),
        ("event", GuestEvent.restaurant_id, GuestEvent.guest_id),
    )
    for what, place, guest in wanted:
        there = exists().where(parent.id == guest, parent.restaurant_id == place)
        query = select(guest).where(~there).distinct().limit(limit)
        for number in session.scalars(query):
            text = f"a {what} refers to guest {number}, which this restaurant does not have"
            yield Finding("reference", (), text)


def _merges(session: Session, limit: int) -> Iterator[Finding]:
    parent, row = aliased(GuestRecord), GuestRecord
    same = (parent.id == row.merged_into) & (parent.restaurant_id == row.restaurant_id)
    merged = select(row.id).where(
        row.merged_into.is_not(None), or_(row.merged_into == row.id, ~exists().where(same))
    )
    for number in session.scalars(merged.limit(limit)):
        yield Finding("reference", (), f"guest {number} is merged into a guest that is not there")


def _records(session: Session, rows: Sequence[GuestRecord]) -> Iterator[Finding]:
    numbers = [row.id for row in rows]
    members = members_of(session, numbers)
    by_id = {row.id: row for row in rows} | {
        each.id: each for found in members.values() for each in found
    }
    for row in rows:
        try:
            _ = row.profile
        except _UNREADABLE:
            yield Finding("guest", (), f"guest {row.id} cannot be decrypted")
    yield from _names(session, rows, members)
    yield from _contacts(session, rows, by_id)
    for note in session.scalars(select(GuestNote).where(GuestNote.guest_id.in_(numbers))):
        try:
            open_text(note.text_sealed, kind="note", reference=by_id[note.guest_id].reference)
        except _UNREADABLE:
            yield Finding("guest", (), f"note {note.id} of guest {note.guest_id} is unreadable")


def _names(
    session: Session, rows: Sequence[GuestRecord], members: dict[int, list[GuestRecord]]
) -> Iterator[Finding]:
    found: dict[int, set[bytes]] = defaultdict(set)
    query = select(GuestName.guest_id, GuestName.word_key)
    for number, key in session.execute(query.where(GuestName.guest_id.in_([r.id for r in rows]))):
        found[number].add(key)
    for row in rows:
        family = () if row.merged_into else (row, *members[row.id])
        try:
            names = tuple(name for each in family for name in each.profile.all_names)
        except _UNREADABLE:
            continue  # reported already
        if found[row.id] != word_keys(row.restaurant_id, names):
            yield Finding(RULE, (), f"guest {row.id} is not found by the words of the name")


def _contacts(
    session: Session, rows: Sequence[GuestRecord], by_id: dict[int, GuestRecord]
) -> Iterator[Finding]:
    contact = GuestContact
    query = select(contact).where(contact.guest_id.in_([row.id for row in rows]))
    for each in session.scalars(query):
        try:
            owner = by_id[each.filed_id]
            text = open_text(each.contact_sealed, kind="contact", reference=owner.reference)
        except _UNREADABLE:
            yield Finding("guest", (), f"a contact of guest {each.guest_id} is unreadable")
            continue
        key = digits_key(each.restaurant_id, text) if each.channel == "sms" else None
        if contact_key(text) != each.contact or key != each.digits_key:
            yield Finding(RULE, (), f"guest {each.guest_id} is not found by a contact")
