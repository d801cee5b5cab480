"""Search in a restaurant's guest book: by name, by the end of a phone number, by address."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Select, exists, select, union
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
class _Opened:
    """A record, what is known of the guest, and the records merged into it."""

    record: GuestRecord
    profile: Profile
    members: Sequence[GuestRecord]

    @property
    def names(self) -> list[str]:
        """Every name by which the guest is found."""
        others = [name for each in self.members for name in _profile(each).all_names]
        return [*self.profile.all_names, *others]


@dataclass(frozen=True, slots=True)
class FoundRecords:
    """The guests found, the last visitors first. `more`: there are others; type more."""

    guests: list[FoundRecord]
    more: bool


def search_guests(session: Session, restaurant_id: int, search: SoughtGuest) -> FoundRecords:
    """Return the guests of this restaurant for whom the search is true.

    As many queries whatever the size of the book. At most CANDIDATES of the index are looked at,
    the newest records first; contacts are decrypted only of the guests that are shown.
    """
    query = _candidates(restaurant_id, search)
    if query is None:
        return FoundRecords([], more=False)
    numbers = session.scalars(query).all()
    opened = _opened(session, numbers[:CANDIDATES], search)
    stats = stats_of(session, [each.record.id for each in opened])
    opened.sort(key=lambda each: _order(each.record.id, stats[each.record.id]), reverse=True)
    shown = opened[:SHOWN]
    contacts = _contacts(session, shown)
    found = [
        FoundRecord(each.record, each.profile, contacts[each.record.id], stats[each.record.id])
        for each in shown
    ]
    return FoundRecords(found, more=len(numbers) > CANDIDATES or len(opened) > SHOWN)


def _candidates(restaurant_id: int, search: SoughtGuest) -> Select[int] | None:
    contact = GuestContact
    here = contact.restaurant_id == restaurant_id
    if search.email:
        key = contact_key(search.email)
        return select(contact.guest_id).where(contact.contact == key, here)
    if search.digits:
        key = digits_key(restaurant_id, search.digits)
        query = select(contact.guest_id).where(here, contact.digits_key == key).distinct()
        return query.order_by(contact.guest_id.desc()).limit(CANDIDATES + 1)
    words = [
        sorted(name_key(restaurant_id, text) for text in word)
        for word in sorted(sought(search.name), key=lambda word: -max(map(len, word)))
    ]
    return _by_words(restaurant_id, words) if words else None


def _by_words(restaurant_id: int, words: list[list[bytes]]) -> Select[int]:
    """The longest word, which has the fewest guests, is read; the others are looked up.

    Each spelling is read in the order of the index and no further than needed: a beginning that
    thousands of guests have costs no more than one of a hundred.
    """
    first, *others = words
    each = [_by_spelling(restaurant_id, key, others) for key in first]
    if len(each) == 1:
        return each[0]
    limited = [select(query.subquery().c.guest_id) for query in each]
    both = union(*limited).subquery()
    return select(both.c.guest_id).order_by(both.c.guest_id.desc()).limit(CANDIDATES + 1)


def _by_spelling(restaurant_id: int, key: bytes, others: list[list[bytes]]) -> Select[int]:
    row = GuestName
    query = select(row.guest_id).where(row.restaurant_id == restaurant_id, row.word_key == key)
    for word in others:
        other = GuestName.__table__.alias()
        query = query.where(
            exists().where(
                other.c.restaurant_id == restaurant_id,
                other.c.word_key.in_(word),
                other.c.guest_id == row.guest_id,
            )
        )
    return query.order_by(row.guest_id.desc()).limit(CANDIDATES + 1)


def _opened(session: Session, numbers: Sequence[int], search: SoughtGuest) -> list[_Opened]:
    """The records for which the search is true, with what is known of them."""
    if not numbers:
        return []
    rows = session.scalars(select(GuestRecord).where(GuestRecord.id.in_(numbers))).all()
    members = members_of(session, numbers)
    opened = [_Opened(row, _profile(row), members[row.id]) for row in rows]
    if search.digits:
        contacts = _contacts(session, opened)
        return [each for each in opened if _ends(contacts[each.record.id], search.digits)]
    return [each for each in opened if not search.name or matches(search.name, each.names)]


def _contacts(session: Session, opened: Sequence[_Opened]) -> dict[int, list[tuple[str, str]]]:
    """The contacts of these records, decrypted."""
    found: dict[int, list[tuple[str, str]]] = {each.record.id: [] for each in opened}
    references = {row.id: row.reference for each in opened for row in (each.record, *each.members)}
    if not found:
        return found
    query = select(GuestContact).where(GuestContact.guest_id.in_(found))
    for each in session.scalars(query.order_by(GuestContact.channel, GuestContact.filed_id)):
        text = _text(each, references.get(each.filed_id, ""))
        if text:
            found[each.guest_id].append((each.channel, text))
    return found


def _ends(contacts: list[tuple[str, str]], digits: str) -> bool:
    return any(ends_with(text, digits) for channel, text in contacts if channel == "sms")


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


def _order(number: int, stats: GuestStats) -> tuple[bool, datetime, int]:
    """Guests who are expected first, then by the last visit."""
    return (stats.upcoming > 0, stats.last_visit or _EARLY, number)
