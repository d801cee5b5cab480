"""The host's book of a day as values: reservations, tables and shifts. All times are UTC."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from models.entities.parties import Details
from models.queries.reservations.reservations import ChangeView
from models.rules.reservations.lifecycle import Status, shown_status
from models.rules.restaurant.features import NOTHING, Wants
from models.rules.restaurant.restaurant import Pacing


class BookMessage(NamedTuple):
    """One message on one channel, and its state. `error` contains no address."""

    kind: str
    channel: str
    state: str
    due_at: datetime
    sent_at: datetime | None
    error: str | None


class BookReservation(NamedTuple):
    """One line of the book. `shift_key` names its shift; `is_late`: due, but not here yet.

    A named tuple: a full day has hundreds of them, and a frozen dataclass takes ten times as long.
    """

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
    tables_locked: bool
    guest_name: str
    guest_email: str | None
    guest_phone: str | None
    guest_locale: str
    note: str
    staff_note: str
    details: Details
    expected_at: datetime | None
    arrived_covers: int | None
    source: str
    pacing_forced: bool
    reason: str | None
    is_late: bool
    #: whole minutes by which a seated party exceeds its turn
    overstays_minutes: int
    #: warnings for the host: names of `warnings.BookWarning`
    warnings: tuple[str, ...]
    created_at: datetime
    arrived_at: datetime | None
    seated_at: datetime | None
    finished_at: datetime | None
    messages: tuple[BookMessage, ...]
    #: the pending change request
    change: ChangeView | None
    wants: Wants = NOTHING
    #: it waits for the staff's approval, which must be given by then
    approve_by: datetime | None = None

    @property
    def shown_status(self) -> Status:
        """The status as the staff see it."""
        return shown_status(self.status, self.approve_by)


@dataclass(frozen=True, slots=True)
class BookSeating:
    """A party at a table from one time to another (the reset buffer is not shown)."""

    reservation_id: int
    reference: str
    status: Status
    party_size: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class BookBlock:
    """A time for which a table is blocked."""

    block_id: int
    starts_at: datetime
    ends_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class BookTable:
    """A table and its seatings and blocks of the day, in order of their start."""

    id: int
    label: str
    area_key: str | None
    min_party: int
    max_party: int
    seatings: tuple[BookSeating, ...]
    blocks: tuple[BookBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class Interval:
    """The load of one 15-minute interval: covers and parties that start, in all and online.

    `pacing`: its limits, which may differ from those of the shift.
    """

    starts_at: datetime
    covers: int
    parties: int
    online_covers: int
    pacing: Pacing


@dataclass(frozen=True, slots=True)
class BookShift:
    """One shift of the day: its book's revision, its pacing limits, and its intervals.

    `covers` and `parties` count parties that have or had a table; `waitlisted` counts parties.
    `is_open` is False if the shift was closed after reservations had been requested for it.
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
    """A day of the restaurant. `revision` rises with every change in any of its books."""

    service_date: date
    revision: int
    shifts: tuple[BookShift, ...]
    tables: tuple[BookTable, ...]
    #: by start, then by arrival of the request
    reservations: tuple[BookReservation, ...]
