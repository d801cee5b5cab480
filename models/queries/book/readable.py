"""The guest of one line of the book. An unreadable one must not block the whole book."""

import logging

from models.core.errors import DecryptionFailed
from models.entities.parties import Details, details_of
from models.entities.sealed_guest import Guest, guest_of, staff_note_of
from models.queries.book.rows import StoredParty

log = logging.getLogger(__name__)


def read_guest(row: StoredParty) -> tuple[Guest, str, Details]:
    """Return the guest, the staff note and the party's details, decrypted where possible."""
    try:
        return guest_of(row), staff_note_of(row), details_of(row, reference=row.reference)
    except DecryptionFailed:
        log.exception("guest cannot be read", extra={"reservation_id": row.id})
        return Guest("(unreadable)"), "", Details()
