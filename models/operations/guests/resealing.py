"""Re-encrypt guest data that an older key has encrypted with the current primary key."""

from collections import Counter

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.core.secrets.encryption import PREFIX, key_of, keyring, prefix_of
from models.entities.accounts import SecondFactor
from models.entities.guest_book import GuestContact, GuestNote, GuestRecord
from models.entities.messages import Message
from models.entities.parties import PartyDetails, reseal_details
from models.entities.reservations import Reservation
from models.entities.sealed_guest import reseal_guest, reseal_staff_note

_ROWS = table_of(Reservation)
_KEY = func.substr(_ROWS.c.guest_sealed, 1, PREFIX)
_NOTE_KEY = func.substr(_ROWS.c.staff_note_sealed, 1, PREFIX)
_NEXT = (
    select(_ROWS.c.id, _ROWS.c.reference, _ROWS.c.guest_sealed, _ROWS.c.staff_note_sealed)
    .where(
        _ROWS.c.id > bindparam("after"),
        or_(bindparam("prefix") != _KEY, bindparam("prefix") != _NOTE_KEY),
    )
    .order_by(_ROWS.c.id)
    .limit(bindparam("limit"))
)
#: Only rows that are still as read: a guest edited meanwhile has both values encrypted already.
_AGAIN = (
    update(_ROWS)
    .where(_ROWS.c.id == bindparam("row"), _ROWS.c.guest_sealed == bindparam("was"))
    .values(guest_sealed=bindparam("is"), staff_note_sealed=bindparam("note"))
)


def reseal_some(session: Session, *, after: int, limit: int) -> tuple[int, int] | None:
    """Re-encrypt the next guests of other keys; return (how many, the last row's id).

    None if there is none after that id. It may stop at any time and start over: finished rows are
    skipped. Takes no book's lock and waits for no other transaction. Raises DecryptionFailed.
    """
    prefix = prefix_of(keyring().primary)
    wanted = {"after": after, "prefix": prefix, "limit": limit}
    rows = session.execute(_NEXT, wanted).all()
    if not rows:
        return None
    changes = [
        {
            "row": row.id,
            "was": row.guest_sealed,
            "is": reseal_guest(row.guest_sealed, reference=row.reference),
            "note": reseal_staff_note(row.staff_note_sealed, reference=row.reference),
        }
        for row in rows
    ]
    session.connection().execute(_AGAIN, changes)
    return len(rows), int(rows[-1].id)


def reseal_some_details(session: Session, *, after: int, limit: int) -> tuple[int, int] | None:
    """Do for parties' details what `reseal_some` does for guests."""
    own, row = table_of(PartyDetails).c, _ROWS.c
    is_old = func.substr(own.details_sealed, 1, PREFIX) != prefix_of(keyring().primary)
    query = (
        select(own.reservation_id, row.reference, own.details_sealed)
        .join_from(own.reservation_id.table, _ROWS, row.id == own.reservation_id)
        .where(own.reservation_id > after, is_old)
        .order_by(own.reservation_id)
        .limit(limit)
    )
    rows = session.execute(query).all()
    for number, reference, sealed in rows:
        again = update(PartyDetails).where(
            PartyDetails.reservation_id == number, PartyDetails.details_sealed == sealed
        )
        session.execute(again.values(details_sealed=reseal_details(sealed, reference=reference)))
    return (len(rows), int(rows[-1][0])) if rows else None


def count_by_key(session: Session) -> dict[int, int]:
    """Return how many values each key has encrypted, by its id. Reads every reservation."""
    counts: Counter[int] = Counter()
    columns = (
        _ROWS.c.guest_sealed,
        _ROWS.c.staff_note_sealed,
        PartyDetails.details_sealed,
        SecondFactor.secret_sealed,
        Message.recipient_sealed,
        GuestRecord.profile_sealed,
        GuestContact.contact_sealed,
        GuestNote.text_sealed,
    )
    for column in columns:
        key = func.substr(column, 1, PREFIX)
        found = select(key, func.count()).where(column.is_not(None)).group_by(key)
        for prefix, count in session.execute(found):
            counts[key_of(prefix)] += count
    return dict(counts)
