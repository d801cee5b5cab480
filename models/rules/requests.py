"""What a guest or the staff may ask for, as values."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class GuestDetails:
    """Who comes. At least one of e-mail and phone (E.164); staff may leave both out."""

    name: str
    email: str | None = None
    phone: str | None = None
    locale: str = "en"


@dataclass(frozen=True, slots=True)
class TableRequest:
    """A table for `party_size` at `starts_at` (aware), perhaps in one area."""

    party_size: int
    starts_at: datetime
    guest: GuestDetails
    area_key: str | None = None
    note: str = ""
    waitlist: bool = True


@dataclass(frozen=True, slots=True)
class TableChange:
    """What should become different; None: stays as it is."""

    party_size: int | None = None
    starts_at: datetime | None = None
    area_key: str | None = None
