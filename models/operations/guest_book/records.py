"""What the staff write on a guest's record: details, notes, a block.

Each act names the record's revision if the caller knows it, has a line in the record's history, and
does nothing when it is repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.core.errors import Invalid, NotFound, RevisionConflict, StateConflict, sentence
from models.entities.guest_book import GuestContact, GuestEvent, GuestNote, GuestRecord
from models.entities.reservations import Reservation
from models.entities.sealed_profile import open_text, seal_text
from models.operations.accounts.audit import note
from models.operations.deciding.books import lock_books, touch_books
from models.operations.guest_book.locking import lock_guest_books
from models.operations.guest_book.names import index_again
from models.queries.reservations.no_shows import counted_no_shows

TAGS_MOST: Final = 20
#: Books that began longer ago do not show their guests any more.
_SHOWN_FOR: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class GuestAct:
    """Who acts on which record, when, and on which revision of it (None: whichever it has)."""

    restaurant_id: int
    guest_id: int
    actor: str
    now: datetime
    if_revision: int | None = None


@dataclass(frozen=True, slots=True)
class RecordChange:
    """New values; None leaves a field as it is. An empty name is that of the reservations."""

    name: str | None = None
    allergies: str | None = None
    tags: Sequence[str] | None = None
    vip: bool | None = None


def change_record(session: Session, act: GuestAct, change: RecordChange) -> GuestRecord:
    """Write name, allergies, tags or VIP. Raises NotFound, StateConflict, RevisionConflict."""
    record = open_record(session, act)
    before, vip = record.profile, record.vip
    tags = None if change.tags is None else tuple(dict.fromkeys(change.tags))
    if tags is not None and len(tags) > TAGS_MOST:
        raise Invalid.field("tags", sentence("too_many", "must be at most {most}", most=TAGS_MOST))
    after = replace(
        before,
        name=before.name if change.name is None else change.name,
        allergies=before.allergies if change.allergies is None else change.allergies,
        tags=before.tags if tags is None else tags,
    )
    record.vip = vip if change.vip is None else change.vip
    fields = [
        name
        for name in ("name", "allergies", "tags")
        if getattr(after, name) != getattr(before, name)
    ]
    fields += ["vip"] if record.vip != vip else []
    if not fields:
        return record
    check_record_revision(record, act)
    record.profile = after
    if "name" in fields:
        index_again(session, [record])
    write_event(session, record, act, "changed", {"fields": fields})
    return record


def add_note(session: Session, act: GuestAct, text: str) -> int:
    """Add a note; return its id. The author's newest note with the same text is not repeated.

    Raises Invalid, NotFound, StateConflict.
    """
    if not text:
        raise Invalid.field("text", sentence("not_empty", "must not be empty"))
    record = open_record(session, act)
    row = GuestNote
    own = select(row).where(row.guest_id == record.id, row.actor == act.actor)
    last = session.scalar(own.order_by(row.id.desc()).limit(1))
    if last and text == open_text(last.text_sealed, kind="note", reference=record.reference):
        return last.id
    written = GuestNote(
        restaurant_id=record.restaurant_id, guest_id=record.id, at=act.now, actor=act.actor
    )
    written.text_sealed = seal_text(text, kind="note", reference=record.reference)
    session.add(written)
    session.flush()
    write_event(session, record, act, "noted", {"note": str(written.id)})
    return written.id


def delete_note(session: Session, act: GuestAct, note_id: int) -> None:
    """Delete a note of the record, or of one that is merged into it; a repeat does nothing."""
    record = open_record(session, act)
    row = session.get(GuestNote, note_id)
    if row is None or row.restaurant_id != record.restaurant_id:
        return
    owner = session.get_one(GuestRecord, row.guest_id)
    while owner.merged_into is not None:
        owner = session.get_one(GuestRecord, owner.merged_into)
    if owner.id != record.id:
        return
    session.delete(row)
    write_event(session, record, act, "note_deleted", {"note": str(note_id)})


def block(session: Session, act: GuestAct, reason: str) -> GuestRecord:
    """Block the guest from booking online; the reason is for the staff. Coming parties stay.

    A later block with another reason changes the reason. Raises NotFound, StateConflict,
    RevisionConflict.
    """
    record = open_record(session, act)
    before = record.profile
    if record.blocked_at is not None and before.block_reason == reason:
        return record
    check_record_revision(record, act)
    record.blocked_at = record.blocked_at or act.now
    record.profile = replace(before, block_reason=reason)
    write_event(session, record, act, "blocked")
    return record


def unblock(session: Session, act: GuestAct) -> GuestRecord:
    """Let the guest book online again. Raises NotFound, StateConflict, RevisionConflict."""
    record = open_record(session, act)
    if record.blocked_at is None:
        return record
    check_record_revision(record, act)
    record.blocked_at = None
    record.profile = replace(record.profile, block_reason="")
    write_event(session, record, act, "unblocked")
    return record


def lift_limit(session: Session, act: GuestAct) -> GuestRecord:
    """Let no-shows so far not count towards the restaurant's limit; without any, do nothing.

    Raises NotFound, StateConflict, RevisionConflict.
    """
    record = open_record(session, act)
    contacts = select(GuestContact.contact).where(GuestContact.guest_id == record.id)
    keys = session.scalars(contacts).all()
    if not counted_no_shows(session, record.restaurant_id, keys, now=act.now):
        return record
    check_record_revision(record, act)
    record.limit_lifted_at = act.now
    write_event(session, record, act, "limit_lifted")
    return record


def open_record(session: Session, act: GuestAct, *others: int) -> GuestRecord:
    """Lock the guest's coming books and the guest book, and return the record.

    The books are announced as changed: every stand shows the guest anew; those of `others`, too.
    Raises NotFound, and StateConflict if the record was merged into another.
    """
    books = _coming_books(session, act, (act.guest_id, *others))
    if books:
        lock_books(session, books)
    lock_guest_books(session, {act.restaurant_id})
    record = read_record(session, act, act.guest_id)
    if record.merged_into is not None:
        raise StateConflict(
            sentence(
                "was_merged", "this record was merged into {record}", record=record.merged_into
            )
        )
    if books:
        touch_books(session, books)
    return record


def read_record(session: Session, act: GuestAct, number: int) -> GuestRecord:
    """Another record of that restaurant, as it is under the lock. Raises NotFound."""
    record = session.get(GuestRecord, number, populate_existing=True)
    if record is None or record.restaurant_id != act.restaurant_id:
        raise NotFound("there is no such guest")
    return record


def check_record_revision(record: GuestRecord, act: GuestAct) -> None:
    """Raise RevisionConflict if the caller saw another revision."""
    if act.if_revision is not None and act.if_revision != record.revision:
        raise RevisionConflict("the guest's record has changed since you read it")


def write_event(
    session: Session,
    record: GuestRecord,
    act: GuestAct,
    action: str,
    detail: dict[str, Any] | None = None,
) -> None:
    """Raise the revision, and write a line of the history and one of the audit."""
    record.revision += 1
    note_act(session, act, f"guest.{action}", record)
    event = GuestEvent(restaurant_id=record.restaurant_id, guest_id=record.id, action=action)
    event.at, event.actor, event.detail = act.now, act.actor, detail
    event.revision = record.revision
    session.add(event)


def note_act(session: Session, act: GuestAct, action: str, record: GuestRecord) -> None:
    """Write a line of the audit about this record."""
    about = [f"guest {record.id}"]
    place = act.restaurant_id
    note(session, place, actor=act.actor, action=action, about=about, now=act.now)


def _coming_books(session: Session, act: GuestAct, guests: Sequence[int]) -> dict[int, int]:
    row, contact = Reservation, GuestContact
    keys = session.scalars(select(contact.contact).where(contact.guest_id.in_(guests))).all()
    query = select(row.book_id).where(
        row.restaurant_id == act.restaurant_id,
        row.starts_at > act.now - _SHOWN_FOR,
        or_(row.email_key.in_(keys), row.phone_key.in_(keys)),
    )
    return dict.fromkeys(session.scalars(query), act.restaurant_id) if keys else {}
