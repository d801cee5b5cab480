"""The host's book of a day, described."""

from typing import Literal

from pydantic import Field

from web.schemas.answers import ChangeOut, GuestOut, Moment, Outgoing, StatusName


class BookMessageOut(Outgoing):
    """One message on one channel, and where it stands."""

    kind: str
    channel: str
    state: str
    due_at: Moment
    sent_at: Moment | None
    error: str | None


class BookReservationOut(Outgoing):
    """One line of the book."""

    id: str
    reference: str
    status: StatusName
    revision: int
    shift: str
    party_size: int
    start: Moment
    end: Moment
    area: str | None
    tables: list[str]
    guest: GuestOut
    note: str = Field(description="the guest's own wishes")
    staff_note: str = Field(description="the staff's own; no guest is shown it")
    source: str
    pacing_forced: bool
    reason: str | None
    is_late: bool = Field(description="expected by now, and not here yet")
    overstays_minutes: int = Field(description="minutes past its turn that the party sits")
    warnings: list[Literal["not_here", "overstays", "table_occupied"]] = Field(
        description="not_here: the grace is over, did they come? overstays: the turn is over, the "
        "table is not free. table_occupied: at its table another party still sits"
    )
    created_at: Moment
    arrived_at: Moment | None
    seated_at: Moment | None
    finished_at: Moment | None
    messages: list[BookMessageOut]
    change: ChangeOut | None = Field(description="the wish that waits for its decision")


class SeatingOut(Outgoing):
    """Who has a table from when to when."""

    reservation_id: str
    reference: str
    status: StatusName
    party_size: int
    start: Moment
    end: Moment


class BookTableOut(Outgoing):
    """A table and its seatings of the day."""

    label: str
    area: str | None
    min_party: int
    max_party: int
    seatings: list[SeatingOut]


class IntervalOut(Outgoing):
    """What starts in one 15-minute interval, in all and online."""

    start: Moment
    covers: int
    parties: int
    online_covers: int


class PacingOut(Outgoing):
    """Most covers and parties that start in an interval; null: no limit."""

    covers: int | None
    parties: int | None
    online_covers: int | None


class BookShiftOut(Outgoing):
    """One shift of the day."""

    key: str
    name: str
    is_open: bool
    revision: int
    covers: int
    parties: int
    waitlisted: int
    pacing: PacingOut
    intervals: list[IntervalOut]


class BookOut(Outgoing):
    """A day of the house."""

    date: str
    restaurant: str
    zone: str
    revision: int
    shifts: list[BookShiftOut]
    tables: list[BookTableOut]
    reservations: list[BookReservationOut]
