"""The guest of one line of the book. An unreadable one must not block the whole book."""

import logging

from models.core.errors import DecryptionFailed
from models.entities.parties import Details
from models.entities.reservations import Reservation
from models.entities.sealed_guest import Guest

log = logging.getLogger(__name__)


def read_guest(row: Reservation) -> tuple[Guest, str, Details]:
    """Return the guest, the staff note and the party's details, decrypted where possible."""
    try:
        return row.guest, row.staff_note, row.details
    except DecryptionFailed:
        log.exception("guest cannot be read", extra={"reservation_id": row.id})
        return Guest("(unreadable)"), "", Details()
