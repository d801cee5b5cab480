"""What a guest or the staff may ask for, as values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

#: The one purpose that anybody is asked about: every message of the house itself is of use.
MARKETING = "marketing"


@dataclass(frozen=True, slots=True)
class ConsentSaid:
    """Yes or no to marketing. `source`: booking, manage or staff; `wording`: which text was shown.

    `actor`: guest | staff:<account id>.
    """

    given: bool
    wording: str
    source: str
    actor: str

    def waiting(self) -> dict[str, Any]:
        """As a reservation's terms keep it until the contact has proved itself."""
        return {"given": self.given, "wording": self.wording, "source": self.source}


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
    #: the guest's own wishes, which the guest is shown
    note: str = ""
    #: what the staff keep for themselves
    staff_note: str = ""
    waitlist: bool = True
    #: None: nothing was said about it
    marketing: ConsentSaid | None = None


@dataclass(frozen=True, slots=True)
class TableChange:
    """What should become different; None: stays as it is."""

    party_size: int | None = None
    starts_at: datetime | None = None
    area_key: str | None = None
