"""Filing: each reservation is found under its guest's record, by its contacts.

A contact belongs to one record of a restaurant. A reservation whose contacts are unknown gets a new
record; one unknown contact joins the record of the other. A reservation without a contact (a
walk-in) has no record.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any, Final

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.core.errors import DecryptionFailed
from models.entities.guest_book import GuestContact, GuestRecord
from models.entities.reservations import Reservation
from models.entities.sealed_guest import open_guest
from models.entities.sealed_profile import NAMES_MOST, Profile, seal_text
from models.operations.guest_book.locking import lock_guest_books
from models.operations.guest_book.names import index_again, index_new
from models.operations.guest_book.pruning import prune_contacts
from models.queries.guest_book.keys import digits_key

#: Reservations with a smaller id may still be committed for this long after one was made.
SETTLED: Final = timedelta(minutes=2)
_ROW = table_of(Reservation).c
_COLUMNS = (
    _ROW.id,
    _ROW.restaurant_id,
    _ROW.reference,
    _ROW.guest_sealed,
    _ROW.email_key,
    _ROW.phone_key,
    _ROW.created_at,
)


@dataclass(frozen=True, slots=True)
class Filed:
    """The result of one batch. Filing continues after `last`, and the next run after `settled`."""

    records: int
    last: int
    settled: int
    more: bool


def file_some(session: Session, *, after: int, now: datetime, limit: int) -> Filed:
    """File the next reservations with an id above `after`. Filing one again changes nothing."""
    places = select(_ROW.id, _ROW.restaurant_id, _ROW.created_at).where(_ROW.id > after)
    seen = session.execute(places.order_by(_ROW.id).limit(limit)).all()
    if not seen:
        return Filed(0, after, after, more=False)
    # Read under the lock: a reservation that was forgotten meanwhile has no contact any more.
    lock_guest_books(session, {row.restaurant_id for row in seen})
    query = select(*_COLUMNS).where(_ROW.id.in_([row.id for row in seen])).order_by(_ROW.id)
    records = file_rows(session, session.execute(query).all(), now=now)
    settled = after
    for row in seen:
        if row.created_at > now - SETTLED:
            break
        settled = row.id
    return Filed(records, seen[-1].id, settled, more=len(seen) == limit)


def refile(
    session: Session, row: Reservation, *, was: Collection[bytes | None], now: datetime
) -> None:
    """File a reservation whose name or contact was edited. `was`: its contacts before.

    A contact that replaces another joins that one's record; one that no reservation has any more is
    deleted. The caller holds the book's lock.
    """
    session.flush()
    lock_guest_books(session, {row.restaurant_id})
    file_rows(session, [row], now=now, was=was)
    gone = {key for key in was if key} - {row.email_key, row.phone_key}
    prune_contacts(session, row.restaurant_id, gone, is_locked=True)


def file_rows(
    session: Session,
    rows: Sequence[Any],
    *,
    now: datetime,
    was: Collection[bytes | None] = (),
) -> int:
    """File these reservations, whose guest books are locked; return how many records are new."""
    rows = [row for row in rows if row.email_key or row.phone_key]
    if not rows:
        return 0
    filing = _Filing(session, now)
    filing.load({(key, row.restaurant_id) for row in rows for key in (*_keys(row), *was) if key})
    for row in rows:
        filing.file(row, [key for key in was if key])
    return filing.write()


def _keys(row: Any) -> tuple[bytes | None, bytes | None]:
    return row.email_key, row.phone_key


@dataclass(slots=True)
class _Filing:
    """One batch: the records known so far, and what is to be written."""

    session: Session
    now: datetime
    known: dict[tuple[bytes, int], GuestRecord] = field(default_factory=dict)
    profiles: dict[GuestRecord, Profile] = field(default_factory=dict)
    new: list[GuestRecord] = field(default_factory=list)
    renamed: dict[GuestRecord, None] = field(default_factory=dict)
    contacts: list[tuple[GuestRecord, str, bytes, str]] = field(default_factory=list)

    def load(self, keys: set[tuple[bytes, int]]) -> None:
        row = GuestContact
        query = (
            select(row.contact, row.restaurant_id, GuestRecord)
            .join(GuestRecord, GuestRecord.id == row.guest_id)
            .where(row.contact.in_(sorted({contact for contact, _ in keys})))
            .execution_options(populate_existing=True)
        )
        for contact, restaurant, record in self.session.execute(query):
            self.known[contact, restaurant] = record

    def file(self, row: Any, was: list[bytes]) -> None:
        try:
            guest = open_guest(row.guest_sealed, reference=row.reference)
        except DecryptionFailed:
            return  # `maitred check` reports it
        place = row.restaurant_id
        given = (("email", row.email_key, guest.email), ("sms", row.phone_key, guest.phone))
        contacts = [(channel, key, text) for channel, key, text in given if key and text]
        if not contacts:
            return
        candidates = [(key, place) for _, key, _ in contacts] + [(key, place) for key in was]
        record = next((self.known[key] for key in candidates if key in self.known), None)
        record = self._new(place) if record is None else record
        for channel, key, text in contacts:
            if (key, place) not in self.known:
                self.known[key, place] = record
                self.contacts.append((record, channel, key, text))
        self._name(record, guest.name)

    def _new(self, restaurant_id: int) -> GuestRecord:
        record = GuestRecord(
            restaurant_id=restaurant_id, reference=token_urlsafe(9), created_at=self.now, vip=False
        )
        self.new.append(record)
        self.profiles[record] = Profile()
        return record

    def _name(self, record: GuestRecord, name: str) -> None:
        try:
            profile = self.profiles.get(record) or record.profile
        except DecryptionFailed:
            return
        if profile.names[:1] == (name,):
            return
        others = tuple(each for each in profile.names if each != name)
        self.profiles[record] = replace(profile, names=(name, *others)[:NAMES_MOST])
        self.renamed[record] = None

    def write(self) -> int:
        for record in self.renamed:
            record.profile = self.profiles[record]
        self.session.add_all(self.new)
        self.session.flush()
        if self.contacts:
            rows = [_contact_row(*each) for each in self.contacts]
            self.session.execute(insert(table_of(GuestContact)), rows)
        fresh = {
            record.id: (record.restaurant_id, self.profiles[record].names) for record in self.new
        }
        index_new(self.session, fresh)
        index_again(self.session, [each for each in self.renamed if each.id not in fresh])
        return len(self.new)


def _contact_row(record: GuestRecord, channel: str, key: bytes, text: str) -> dict[str, Any]:
    return {
        "contact": key,
        "restaurant_id": record.restaurant_id,
        "channel": channel,
        "guest_id": record.id,
        "filed_id": record.id,
        "digits_key": digits_key(record.restaurant_id, text) if channel == "sms" else None,
        "contact_sealed": seal_text(text, kind="contact", reference=record.reference),
    }
