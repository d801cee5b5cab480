"""Who comes, sealed: a reservation's name, contact and note as one value bound to its row."""

from dataclasses import dataclass, field

import orjson

from models.core.secrets.encryption import seal, unseal


@dataclass(frozen=True, slots=True)
class Guest:
    """What only the house and the guest may read. Never printed, so that no log has it."""

    name: str = field(repr=False)
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    note: str = field(default="", repr=False)


def seal_guest(guest: Guest, *, reference: str) -> bytes:
    """The guest as the row of that reference keeps it."""
    plain = orjson.dumps([guest.name, guest.email, guest.phone, guest.note])
    return seal(plain, about=_about(reference))


def open_guest(sealed: bytes, *, reference: str) -> Guest:
    """The guest again. Raises SealBroken when this is not what that row was given."""
    return Guest(*orjson.loads(unseal(sealed, about=_about(reference))))


def reseal_guest(sealed: bytes, *, reference: str) -> bytes:
    """The same under the key that seals now. Raises SealBroken."""
    return seal(unseal(sealed, about=_about(reference)), about=_about(reference))


def seal_staff_note(note: str, *, reference: str) -> bytes | None:
    """The staff's note as the row of that reference keeps it; None when there is none."""
    return seal(note.encode(), about=_about_note(reference)) if note else None


def open_staff_note(sealed: bytes | None, *, reference: str) -> str:
    """The staff's note again, empty when there is none. Raises SealBroken."""
    return "" if sealed is None else unseal(sealed, about=_about_note(reference)).decode()


def reseal_staff_note(sealed: bytes | None, *, reference: str) -> bytes | None:
    """The same under the key that seals now. Raises SealBroken."""
    return seal_staff_note(open_staff_note(sealed, reference=reference), reference=reference)


def seal_contact(contact: str, *, reference: str) -> bytes:
    """A contact that a reservation had before, for the message that says so."""
    return seal(contact.encode(), about=f"contact before of {reference}")


def open_contact(sealed: bytes, *, reference: str) -> str:
    """The contact again. Raises SealBroken."""
    return unseal(sealed, about=f"contact before of {reference}").decode()


def _about(reference: str) -> str:
    return f"reservation {reference}"


def _about_note(reference: str) -> str:
    return f"staff note of {reference}"
