"""The index of guests' names: keyed hashes of the beginnings of their words."""

from collections.abc import Mapping

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.core.errors import DecryptionFailed
from models.entities.guest_book import GuestName, GuestRecord
from models.queries.guest_book.keys import word_keys
from models.queries.guest_book.members import members_of

_NAMES = table_of(GuestName)


def index_new(session: Session, records: Mapping[int, tuple[int, tuple[str, ...]]]) -> None:
    """Index records that were never indexed: id -> (restaurant, names)."""
    rows = [
        {"restaurant_id": restaurant, "word_key": key, "guest_id": number}
        for number, (restaurant, names) in records.items()
        for key in sorted(word_keys(restaurant, names))
    ]
    if rows:
        session.execute(insert(_NAMES), rows)


def index_again(session: Session, records: list[GuestRecord]) -> None:
    """Index these records again, by their own names and those of the records merged into them."""
    if not records:
        return
    session.flush()
    numbers = [record.id for record in records]
    members = members_of(session, numbers)
    session.execute(delete(_NAMES).where(_NAMES.c.guest_id.in_(numbers)))
    names = {
        record.id: (
            record.restaurant_id,
            tuple(name for each in (record, *members[record.id]) for name in names_of(each)),
        )
        for record in records
        if record.merged_into is None
    }
    index_new(session, names)


def names_of(record: GuestRecord) -> tuple[str, ...]:
    """All names of one record; none if it cannot be decrypted."""
    try:
        return record.profile.all_names
    except DecryptionFailed:
        return ()
