"""What the guest book knows of the guests of a day's parties, which the host should know, too."""

import logging
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, select, union_all
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.core.errors import DecryptionFailed
from models.entities.guest_book import GuestContact, GuestRecord
from models.entities.reservations import Reservation
from models.entities.sealed_profile import open_profile

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KnownGuest:
    """What the guest's record says beside the reservation."""

    is_vip: bool
    allergies: str = field(default="", repr=False)


class _Record(NamedTuple):
    vip: bool
    profile_sealed: bytes
    reference: str


def guests_of_parties(session: Session, reservations: Collection[int]) -> dict[int, KnownGuest]:
    """Return what is known of the guest of each of these reservations that has a record.

    Where the address and the number belong to two records, both count. One query; none without
    parties.
    """
    if not reservations:
        return {}
    row = table_of(Reservation).c
    found: dict[int, list[_Record]] = defaultdict(list)
    query = union_all(*(_by(key, reservations) for key in (row.email_key, row.phone_key)))
    for number, *record in session.execute(query):
        found[number].append(_Record(*record))
    return {number: _known(records) for number, records in found.items()}


def _by(key: ColumnElement[Any], reservations: Collection[int]) -> Select[Any, Any, Any, Any]:
    row, contact, guest = (table_of(each).c for each in (Reservation, GuestContact, GuestRecord))
    same = (contact.contact == key) & (contact.restaurant_id == row.restaurant_id)
    return (
        select(row.id, guest.vip, guest.profile_sealed, guest.reference)
        .join_from(row.id.table, contact.contact.table, same)
        .join(guest.id.table, guest.id == contact.guest_id)
        .where(row.id.in_(reservations))
    )


def _known(records: Collection[_Record]) -> KnownGuest:
    texts = dict.fromkeys(filter(None, (_allergies(each) for each in records)))
    return KnownGuest(any(each.vip for each in records), "; ".join(texts))


def _allergies(record: _Record) -> str:
    """Return the allergies; one record that cannot be read must not block the whole book."""
    try:
        return open_profile(record.profile_sealed, reference=record.reference).allergies
    except DecryptionFailed:
        log.exception("a guest's record cannot be read")
        return ""
