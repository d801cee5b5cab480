"""Encrypted guests: name, contact and note of a reservation as one value bound to its row."""

from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from models.core.secrets.encryption import seal, unseal


@dataclass(frozen=True, slots=True)
class Guest:
    """Data for the restaurant and the guest only. Excluded from repr, and so from logs."""

    name: str = field(repr=False)
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    note: str = field(default="", repr=False)


def seal_guest(guest: Guest, *, reference: str) -> bytes:
    """Encrypt the guest for the row with that reference."""
    plain = orjson.dumps([guest.name, guest.email, guest.phone, guest.note])
    return seal(plain, about=_about(reference))


def open_guest(sealed: bytes, *, reference: str) -> Guest:
    """Decrypt the guest. Raises DecryptionFailed if this is not the value of that row."""
    return Guest(*orjson.loads(unseal(sealed, about=_about(reference))))


def reseal_guest(sealed: bytes, *, reference: str) -> bytes:
    """Re-encrypt the value with the primary key. Raises DecryptionFailed."""
    return seal(unseal(sealed, about=_about(reference)), about=_about(reference))


def seal_staff_note(note: str, *, reference: str) -> bytes | None:
    """Encrypt the staff's note for the row with that reference; None if it is empty."""
    return seal(note.encode(), about=_about_note(reference)) if note else None


def open_staff_note(sealed: bytes | None, *, reference: str) -> str:
    """Decrypt the staff's note; empty if there is none. Raises DecryptionFailed."""
    return "" if sealed is None else unseal(sealed, about=_about_note(reference)).decode()


def reseal_staff_note(sealed: bytes | None, *, reference: str) -> bytes | None:
    """Re-encrypt the note with the primary key. Raises DecryptionFailed."""
    return seal_staff_note(open_staff_note(sealed, reference=reference), reference=reference)


def seal_contact(contact: str, *, reference: str) -> bytes:
    """Encrypt a previous contact of a reservation, for the message about its change."""
    return seal(contact.encode(), about=f"contact before of {reference}")


def open_contact(sealed: bytes, *, reference: str) -> str:
    """Decrypt a previous contact. Raises DecryptionFailed."""
    return unseal(sealed, about=f"contact before of {reference}").decode()


def _about(reference: str) -> str:
    return f"reservation {reference}"


def _about_note(reference: str) -> str:
    return f"staff note of {reference}"


def guest_of(row: Any) -> Guest:
    """Return the guest with the guest's own note; `row` is an entity, or has its columns.

    Raises DecryptionFailed.
    """
    known = open_guest(row.guest_sealed, reference=row.reference)
    return replace(known, note="") if known.note and _is_staffs_note(row) else known


def staff_note_of(row: Any) -> str:
    """Return the staff's note. Raises DecryptionFailed."""
    kept = open_staff_note(row.staff_note_sealed, reference=row.reference)
    if kept or not _is_staffs_note(row):
        return kept
    return open_guest(row.guest_sealed, reference=row.reference).note


def _is_staffs_note(row: Any) -> bool:
    """Whether the single note of older releases may be the staff's: then no guest may read it.

    This is so if the staff made the reservation, or edited it: which fields they edited is unknown.
    """
    return bool(row.staff_edited) or (row.notes_revision is None and row.source != "online")
