"""The host's book of a day as values: reservations, tables and shifts. All times are UTC."""

from dataclasses import dataclass
from datetime import date, datetime

from models.queries.reservations.reservations import ChangeView
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import Pacing


@dataclass(frozen=True, slots=True)
class BookMessage:
    """One message on one channel, and where it stands. `error` names no address."""

    kind: str
    channel: str
    state: str
    due_at: datetime
    sent_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class BookReservation:
    """One line of the book. `shift_key` tells its shift; `is_late`: expected, and not here yet."""

    id: int
    reference: str
    status: Status
    revision: int
    shift_key: str
    party_size: int
    starts_at: datetime
    ends_at: datetime
    area_key: str | None
    tables: tuple[str, ...]
    guest_name: str
    guest_email: str | None
    guest_phone: str | None
    guest_locale: str
    note: str
    staff_note: str
    source: str
    pacing_forced: bool
    reason: str | None
    is_late: bool
    #: whole minutes past its turn that a seated party sits
    overstays_minutes: int
    #: what the host should look at: names of `book_warnings.BookWarning`
    warnings: tuple[str, ...]
    created_at: datetime
    arrived_at: datetime | None
    seated_at: datetime | None
    finished_at: datetime | None
    messages: tuple[BookMessage, ...]
    #: the wish to change that waits for its decision
    change: ChangeView | None


@dataclass(frozen=True, slots=True)
class Seating:
    """Who has a table from when to when (the reset buffer is not shown)."""

    reservation_id: int
    reference: str
    status: Status
    party_size: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class BookTable:
    """A table and its seatings of the day, in order of their start."""

    id: int
    label: str
    area_key: str | None
    min_party: int
    max_party: int
    seatings: tuple[Seating, ...]


@dataclass(frozen=True, slots=True)
class Interval:
    """What starts in one 15-minute interval: covers and parties, in all and online."""

    starts_at: datetime
    covers: int
    parties: int
    online_covers: int


@dataclass(frozen=True, slots=True)
class BookShift:
    """One shift of the day: its book's revision, its pacing limits, and its intervals.

    `covers` and `parties` count who has, or had, a table; `waitlisted` is parties.
    `is_open` is False when the shift was closed after parties had asked for it.
    """

    book_id: int
    key: str
    name: str
    revision: int
    is_open: bool
    pacing: Pacing
    covers: int
    parties: int
    waitlisted: int
    intervals: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class BookView:
    """A day of the house. `revision` rises with every change in any of its books."""

    service_date: date
    revision: int
    shifts: tuple[BookShift, ...]
    tables: tuple[BookTable, ...]
    #: by start, then by arrival of the request
    reservations: tuple[BookReservation, ...]
