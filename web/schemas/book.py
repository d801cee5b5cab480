"""Models of a day's book."""

from typing import Literal

from pydantic import Field

from web.schemas.answers import ChangeOut, DetailsOut, GuestOut, Moment, ResponseModel, StatusName


class BookMessageOut(ResponseModel):
    """One message on one channel, and its state."""

    kind: str
    channel: str
    state: str
    due_at: Moment
    sent_at: Moment | None
    error: str | None


class BookReservationOut(ResponseModel):
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
    tables_locked: bool = Field(description="nobody moves it until it is unlocked")
    guest: GuestOut
    note: str = Field(description="the guest's note")
    staff_note: str = Field(description="the staff's internal note; no guest is shown it")
    details: DetailsOut
    expected_at: Moment | None = Field(description="the party runs late, and comes by then")
    arrived_covers: int | None = Field(description="so many are here; null: all of them, or none")
    source: str
    pacing_forced: bool
    reason: str | None
    is_late: bool = Field(description="expected by now, not arrived yet")
    overstays_minutes: int = Field(description="minutes by which the party has exceeded its turn")
    warnings: list[Literal["not_here", "overstays", "table_occupied"]] = Field(
        description="not_here: the grace period is over, the party has not arrived. overstays: the "
        "turn is over, the table is not free. table_occupied: another party still sits at it"
    )
    approve_by: Moment | None = Field(
        description="of a request that holds its tables: the staff have to approve it by then"
    )
    created_at: Moment
    arrived_at: Moment | None
    seated_at: Moment | None
    finished_at: Moment | None
    messages: list[BookMessageOut]
    change: ChangeOut | None = Field(description="the pending change request")


class SeatingOut(ResponseModel):
    """A reservation's use of a table, from start to end."""

    reservation_id: str
    reference: str
    status: StatusName
    party_size: int
    start: Moment
    end: Moment


class TableBlockOut(ResponseModel):
    """A time for which a table is blocked: nobody is given it."""

    block_id: str
    start: Moment
    end: Moment
    reason: str


class BookTableOut(ResponseModel):
    """A table, its seatings of the day, and its blocks."""

    label: str
    area: str | None
    min_party: int
    max_party: int
    seatings: list[SeatingOut]
    blocks: list[TableBlockOut]


class PacingOut(ResponseModel):
    """Maximum of covers and parties that start in an interval; null: no limit."""

    covers: int | None
    parties: int | None
    online_covers: int | None


class IntervalOut(ResponseModel):
    """Covers and parties that start in one 15-minute interval, in all and online."""

    start: Moment
    covers: int
    parties: int
    online_covers: int
    pacing: PacingOut = Field(description="its limits, which may differ from the shift's")


class BookShiftOut(ResponseModel):
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


class BookOut(ResponseModel):
    """A day of the restaurant's book."""

    date: str
    restaurant: str
    zone: str
    revision: int
    shifts: list[BookShiftOut]
    tables: list[BookTableOut]
    reservations: list[BookReservationOut]
