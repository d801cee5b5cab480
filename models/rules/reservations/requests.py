"""Requests of guests and staff, as values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.rules.restaurant.features import NOTHING, Wants

#: The only purpose that needs consent: all other messages concern the reservation itself.
MARKETING = "marketing"


@dataclass(frozen=True, slots=True)
class ConsentSaid:
    """An answer to the marketing question.

    `source`: booking, manage or staff. `wording`: which text was shown. `actor`: guest |
    staff:<account id>.
    """

    given: bool
    wording: str
    source: str
    actor: str

    def waiting(self) -> dict[str, Any]:
        """The answer as stored in a reservation's terms until the contact is confirmed."""
        return {"given": self.given, "wording": self.wording, "source": self.source}


@dataclass(frozen=True, slots=True)
class GuestDetails:
    """The guest. At least one of e-mail and phone (E.164); staff may omit both."""

    name: str
    email: str | None = None
    phone: str | None = None
    locale: str = "en"


@dataclass(frozen=True, slots=True)
class TableRequest:
    """A table for `party_size` at `starts_at` (aware), optionally in one area."""

    party_size: int
    starts_at: datetime
    guest: GuestDetails
    area_key: str | None = None
    #: the guest's own requests, shown to the guest
    note: str = ""
    #: the staff's own notes, not shown to the guest
    staff_note: str = ""
    waitlist: bool = True
    #: None: the question was not answered
    marketing: ConsentSaid | None = None
    #: the turn that the staff chose; None: as the rules say
    turn_minutes: int | None = None
    #: features of tables
    wants: Wants = NOTHING


@dataclass(frozen=True, slots=True)
class TableChange:
    """The fields to change; None: unchanged."""

    party_size: int | None = None
    starts_at: datetime | None = None
    area_key: str | None = None
    #: only by the staff; 0: as the rules say
    turn_minutes: int | None = None
    #: only by the staff
    needs: tuple[str, ...] | None = None
    wishes: tuple[str, ...] | None = None
