"""Two records of one guest: merge them, and take the merge back.

A record that was merged keeps its own names, notes and history; its contacts belong to the other
record until the merge is taken back.
"""

from dataclasses import replace

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.core.errors import Invalid, StateConflict, sentence
from models.entities.guest_book import GuestContact, GuestRecord
from models.operations.guest_book.names import index_again
from models.operations.guest_book.records import (
    TAGS_MOST,
    GuestAct,
    check_record_revision,
    open_record,
    read_record,
    write_event,
)
from models.queries.guest_book.members import members_of

_CONTACTS = table_of(GuestContact)


def merge_record(session: Session, act: GuestAct, other_id: int) -> GuestRecord:
    """Merge the other record into this one, which gets its allergies, tags, VIP and block, too.

    Merging again does nothing. Raises NotFound, Invalid, StateConflict, RevisionConflict.
    """
    if other_id == act.guest_id:
        raise Invalid.field("guest", sentence("same_record", "is the same record"))
    record = open_record(session, act, other_id)
    other = read_record(session, act, other_id)
    if other.merged_into == record.id:
        return record
    check_record_revision(record, act)
    if other.merged_into is not None:
        raise StateConflict(
            sentence(
                "other_was_merged",
                "the other record was merged into {record}",
                record=other.merged_into,
            )
        )
    _take_over(record, other)
    other.merged_into = record.id
    moved = update(_CONTACTS).where(_CONTACTS.c.guest_id == other.id)
    session.execute(moved.values(guest_id=record.id))
    index_again(session, [record, other])
    write_event(session, record, act, "merged", {"guest": str(other.id)})
    write_event(session, other, act, "merged", {"into": str(record.id)})
    return record


def unmerge_record(session: Session, act: GuestAct, other_id: int) -> GuestRecord:
    """Take a merge back: the other record has its contacts, names and notes again.

    What was written since stays with this record. A record that is not merged into this one is left
    alone. Raises NotFound, StateConflict, RevisionConflict.
    """
    record = open_record(session, act, other_id)
    other = read_record(session, act, other_id)
    if other.merged_into != record.id:
        return record
    check_record_revision(record, act)
    own = [other.id, *(each.id for each in members_of(session, [other.id])[other.id])]
    contacts = session.scalars(select(GuestContact.contact).where(GuestContact.filed_id.in_(own)))
    if not contacts.all():
        raise StateConflict(
            sentence(
                "other_is_deleted",
                "the other record has no contact any more: its data were deleted",
            )
        )
    other.merged_into = None
    back = update(_CONTACTS).where(_CONTACTS.c.filed_id.in_(own), _CONTACTS.c.guest_id == record.id)
    session.execute(back.values(guest_id=other.id))
    index_again(session, [record, other])
    write_event(session, record, act, "unmerged", {"guest": str(other.id)})
    write_event(session, other, act, "unmerged", {"from": str(record.id)})
    return record


def _take_over(record: GuestRecord, other: GuestRecord) -> None:
    mine, theirs = record.profile, other.profile
    allergies = dict.fromkeys(text for text in (mine.allergies, theirs.allergies) if text)
    record.profile = replace(
        mine,
        allergies="; ".join(allergies),
        tags=tuple(dict.fromkeys((*mine.tags, *theirs.tags)))[:TAGS_MOST],
        block_reason=mine.block_reason or theirs.block_reason,
    )
    record.vip = record.vip or other.vip
    record.blocked_at = record.blocked_at or other.blocked_at
    lifted = [each for each in (record.limit_lifted_at, other.limit_lifted_at) if each]
    record.limit_lifted_at = max(lifted, default=None)
