"""Search in a restaurant's guest book: by name, by the end of a phone number, by address."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from models.core.errors import DecryptionFailed
from models.core.secrets.signing import contact_key
from models.entities.guest_book import GuestContact, GuestName, GuestRecord
from models.entities.sealed_profile import Profile, open_text
from models.queries.guest_book.keys import digits_key, name_key
from models.queries.guest_book.members import members_of
from models.queries.guest_book.stats import GuestStats, stats_of
from models.rules.guest_book import SoughtGuest, ends_with
from models.rules.guest_names import matches, sought

#: Guests in one answer; and the most that are decrypted to find them.
SHOWN: Final = 20
CANDIDATES: Final = 100
_EARLY: Final = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A guest as listed by a search. `contacts`: channel and text, to be masked."""

    record: GuestRecord
    profile: Profile
    contacts: Sequence[tuple[str, str]]
    stats: GuestStats


@dataclass(frozen=True, slots=True)
class FoundRecords:
    """The guests found, the last visitors first. `more`: there are others; type more."""

    guests: list[FoundRecord]
    more: bool


def search_guests(session: Session, restaurant_id: int, search: SoughtGuest) -> FoundRecords:
    """Return the guests of this restaurant for whom the search is true.

    Four queries whatever the size of the book. At most CANDIDATES of the index are looked at, the
    newest records first.
    """
    query = _candidates(restaurant_id, search)
    if query is None:
        return FoundRecords([], more=False)
    numbers = session.scalars(query.limit(CANDIDATES + 1)).all()
    shown = _opened(session, numbers[:CANDIDATES], search)
    stats = stats_of(session, [record.id for record, *_ in shown])
    found = [FoundRecord(*each, stats[each[0].id]) for each in shown]
    found.sort(key=_order, reverse=True)
    return FoundRecords(found[:SHOWN], more=len(numbers) > CANDIDATES or len(found) > SHOWN)


def _candidates(restaurant_id: int, search: SoughtGuest) -> Select[int] | None:
    contact = GuestContact
    here = contact.restaurant_id == restaurant_id
    if search.email:
        key = contact_key(search.email)
        return select(contact.guest_id).where(contact.contact == key, here)
    if search.digits:
        key = digits_key(restaurant_id, search.digits)
        query = select(contact.guest_id).where(here, contact.digits_key == key).distinct()
        return query.order_by(contact.guest_id.desc())
    words = [
        sorted(name_key(restaurant_id, text) for text in word)
        for word in sorted(sought(search.name), key=lambda word: -max(map(len, word)))
    ]
    return _by_words(restaurant_id, words) if words else None


def _by_words(restaurant_id: int, words: list[list[bytes]]) -> Select[int]:
    """The longest word, which has the fewest guests, is read; the others are looked up."""
    first, row = words[0], GuestName
    query = select(row.guest_id).where(
        row.restaurant_id == restaurant_id,
        row.word_key.in_(first) if len(first) > 1 else row.word_key == first[0],
    )
    for word in words[1:]:
        other = GuestName.__table__.alias()
        query = query.where(
            exists().where(
                other.c.restaurant_id == restaurant_id,
                other.c.word_key.in_(word),
                other.c.guest_id == row.guest_id,
            )
        )
    query = query.distinct() if len(first) > 1 else query
    return query.order_by(row.guest_id.desc())


def _opened(
    session: Session, numbers: Sequence[int], search: SoughtGuest
) -> list[tuple[GuestRecord, Profile, list[tuple[str, str]]]]:
    """The records and their contacts, decrypted, if the search is true for them."""
    if not numbers:
        return []
    rows = session.scalars(select(GuestRecord).where(GuestRecord.id.in_(numbers))).all()
    members = members_of(session, numbers)
    references = {each.id: each.reference for each in rows}
    references |= {each.id: each.reference for found in members.values() for each in found}
    contacts: dict[int, list[tuple[str, str]]] = {number: [] for number in numbers}
    query = select(GuestContact).where(GuestContact.guest_id.in_(numbers))
    for each in session.scalars(query.order_by(GuestContact.channel, GuestContact.filed_id)):
        text = _text(each, references.get(each.filed_id, ""))
        if text:
            contacts[each.guest_id].append((each.channel, text))
    opened = []
    for row in rows:
        names = [name for each in (row, *members[row.id]) for name in _profile(each).all_names]
        if _is_true(search, names, contacts[row.id]):
            opened.append((row, _profile(row), contacts[row.id]))
    return opened


def _is_true(search: SoughtGuest, names: list[str], contacts: list[tuple[str, str]]) -> bool:
    if search.name:
        return matches(search.name, names)
    if search.digits:
        return any(ends_with(text, search.digits) for channel, text in contacts if channel == "sms")
    return True


def _text(contact: GuestContact, reference: str) -> str:
    try:
        return open_text(contact.contact_sealed, kind="contact", reference=reference)
    except DecryptionFailed:
        return ""


def _profile(record: GuestRecord) -> Profile:
    try:
        return record.profile
    except DecryptionFailed:
        return Profile()


def _order(found: FoundRecord) -> tuple[bool, datetime, int]:
    """Guests who are expected first, then by the last visit."""
    stats = found.stats
    return (stats.upcoming > 0, stats.last_visit or _EARLY, found.record.id)
