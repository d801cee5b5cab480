"""One guest's record, as it is opened by the staff."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from models.core.errors import DecryptionFailed, NotFound
from models.entities.guest_book import GuestContact, GuestEvent, GuestNote, GuestRecord
from models.entities.reservations import Reservation
from models.entities.sealed_profile import Profile, open_text
from models.entities.shifts import ShiftDay
from models.queries.guest_book.members import members_of
from models.queries.guest_book.stats import GuestStats, stats_of
from models.queries.guests.consents import ConsentView, confirmed_channels, consents_of

#: The newest reservations, notes and lines of the history that are shown.
VISITS_SHOWN: Final = 50
NOTES_SHOWN: Final = 100
EVENTS_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class ContactView:
    """A contact; `confirmed`: the guest opened its link, or the staff recorded it."""

    channel: str
    text: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note of the staff. `text` is None if it cannot be decrypted."""

    id: int
    at: datetime
    actor: str
    text: str | None


@dataclass(frozen=True, slots=True)
class EventView:
    """One line of the history: what was done to this record, or to one that is merged into it."""

    at: datetime
    actor: str
    action: str
    guest_id: int
    detail: dict[str, object]


@dataclass(frozen=True, slots=True)
class RecordView:
    """A guest. `profile` is None if it cannot be decrypted."""

    record: GuestRecord
    profile: Profile | None
    names: Sequence[str]
    contacts: Sequence[ContactView]
    notes: Sequence[NoteView]
    history: Sequence[EventView]
    merged: Sequence[int]
    #: records that share a reservation with this one: perhaps the same guest
    alike: Sequence[int]
    stats: GuestStats
    reservations: Sequence[Reservation]
    #: the date of each reservation's book, by the book's id
    dates: Mapping[int, date]
    consents: Sequence[ConsentView]


def find_record(session: Session, restaurant_id: int, guest_id: int) -> GuestRecord:
    """The record, or the one into which it was merged. Raises NotFound."""
    number: int | None = guest_id
    record, seen = None, set[int]()
    while number is not None and number not in seen:
        seen.add(number)
        record = session.get(GuestRecord, number)
        if record is None or record.restaurant_id != restaurant_id:
            raise NotFound("there is no such guest")
        number = record.merged_into
    if record is None:
        raise NotFound("there is no such guest")
    return record


def record_of_reservation(session: Session, reservation: Reservation) -> int | None:
    """The record of a reservation's guest: that of its address, else that of its number."""
    keys = [key for key in (reservation.email_key, reservation.phone_key) if key]
    query = select(GuestContact.contact, GuestContact.guest_id).where(
        GuestContact.contact.in_(keys),
        GuestContact.restaurant_id == reservation.restaurant_id,
    )
    found = {row.contact: row.guest_id for row in session.execute(query)}
    return next((found[key] for key in keys if key in found), None)


def view_record(session: Session, restaurant_id: int, guest_id: int) -> RecordView:
    """Everything about a guest of this restaurant, in a constant number of queries.

    Raises NotFound.
    """
    record = find_record(session, restaurant_id, guest_id)
    members = members_of(session, [record.id])[record.id]
    family = {each.id: each for each in (record, *members)}
    contacts = _contacts(session, record)
    rows = _reservations(session, restaurant_id, [each.contact for each in contacts])
    opened = {number: _profile(each) for number, each in family.items()}
    names = [name for each in opened.values() if each for name in each.all_names]
    keys = {each.contact for each in contacts}
    proved = _proved(rows)
    return RecordView(
        record,
        opened[record.id],
        tuple(dict.fromkeys(names)),
        [
            ContactView(each.channel, text, each.contact in proved)
            for each, text in _texts(contacts, family)
        ],
        _notes(session, family),
        _history(session, family),
        [each.id for each in members],
        _alike(session, record, rows, keys),
        stats_of(session, [record.id])[record.id],
        rows,
        _dates(session, rows),
        consents_of(session, restaurant_id, keys),
    )


def names_shown(session: Session, guests: Collection[int]) -> dict[int, str]:
    """The name of each of these records; empty if it cannot be decrypted. One query."""
    rows = session.scalars(select(GuestRecord).where(GuestRecord.id.in_(guests)))
    opened = {row.id: _profile(row) for row in rows}
    return {number: profile.shown_name if profile else "" for number, profile in opened.items()}


def _contacts(session: Session, record: GuestRecord) -> Sequence[GuestContact]:
    row = GuestContact
    query = select(row).where(row.guest_id == record.id).order_by(row.channel, row.filed_id)
    return session.scalars(query).all()


def _reservations(
    session: Session, restaurant_id: int, keys: Sequence[bytes]
) -> Sequence[Reservation]:
    row = Reservation
    query = (
        select(row)
        .options(joinedload(row.party))
        .where(
            row.restaurant_id == restaurant_id,
            or_(row.email_key.in_(keys), row.phone_key.in_(keys)),
        )
        .order_by(row.starts_at.desc(), row.id.desc())
        .limit(VISITS_SHOWN)
    )
    return session.scalars(query).all()


def _dates(session: Session, rows: Sequence[Reservation]) -> dict[int, date]:
    books = {row.book_id for row in rows}
    query = select(ShiftDay.id, ShiftDay.service_date).where(ShiftDay.id.in_(books))
    return {row.id: row.service_date for row in session.execute(query)}


def _proved(rows: Sequence[Reservation]) -> set[bytes]:
    """The contacts that the guest confirmed, or the staff recorded, on one of the reservations."""
    found: set[bytes] = set()
    for row in rows:
        channels = confirmed_channels(row)
        keys = {"email": row.email_key, "sms": row.phone_key}
        found |= {key for channel, key in keys.items() if key and channel in channels}
    return found


def _texts(
    contacts: Sequence[GuestContact], family: dict[int, GuestRecord]
) -> list[tuple[GuestContact, str]]:
    found = []
    for each in contacts:
        owner = family.get(each.filed_id)
        text = owner and _text(each.contact_sealed, "contact", owner)
        if text:
            found.append((each, text))
    return found


def _notes(session: Session, family: dict[int, GuestRecord]) -> list[NoteView]:
    row = GuestNote
    query = select(row).where(row.guest_id.in_(family)).order_by(row.id.desc()).limit(NOTES_SHOWN)
    return [
        NoteView(
            each.id, each.at, each.actor, _text(each.text_sealed, "note", family[each.guest_id])
        )
        for each in session.scalars(query)
    ]


def _history(session: Session, family: dict[int, GuestRecord]) -> list[EventView]:
    row = GuestEvent
    query = select(row).where(row.guest_id.in_(family)).order_by(row.id.desc()).limit(EVENTS_SHOWN)
    return [
        EventView(each.at, each.actor, each.action, each.guest_id, each.detail or {})
        for each in session.scalars(query)
    ]


def _alike(
    session: Session, record: GuestRecord, rows: Sequence[Reservation], keys: set[bytes]
) -> list[int]:
    others = {key for row in rows for key in (row.email_key, row.phone_key) if key} - keys
    if not others:
        return []
    query = select(GuestContact.guest_id).where(
        GuestContact.contact.in_(others), GuestContact.restaurant_id == record.restaurant_id
    )
    return sorted(set(session.scalars(query)) - {record.id})


def _text(sealed: bytes, kind: str, owner: GuestRecord) -> str | None:
    try:
        return open_text(sealed, kind=kind, reference=owner.reference)
    except DecryptionFailed:
        return None


def _profile(record: GuestRecord) -> Profile | None:
    try:
        return record.profile
    except DecryptionFailed:
        return None
