"""An objection, and the upcoming party that it is raised about, as values."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from models.rules.deciding.seating import Seats
from models.rules.reservations.lifecycle import Status

#: Who is here needs no start any more.
HERE: Final = frozenset({Status.ARRIVED, Status.SEATED})


class Code(StrEnum):
    """Why a party cannot stand as it does. Public: `restaurant load` and `check` name it."""

    PARTY_SIZE = "party_size"
    ENDS_BEFORE_START = "ends_before_start"
    TURN = "turn"
    CLOSED = "closed"
    SHIFT_GONE = "shift_gone"
    NO_START = "no_start"
    RUNS_OVER = "runs_over"
    WALL_TIME = "wall_time"
    OTHER_BOOK = "other_book"
    AREA_GONE = "area_gone"
    NO_TABLE = "no_table"
    TABLE_GONE = "table_gone"
    OTHER_AREA = "other_area"
    IN_HOUSE_ONLY = "in_house_only"
    NOT_JOINED = "not_joined"
    PARTY_RANGE = "party_range"
    NOTHING_FITS = "nothing_fits"


#: Its start is none: for whichever of these reasons.
NO_SEATING: Final = frozenset({Code.CLOSED, Code.SHIFT_GONE, Code.NO_START})
#: A party that waits can never be seated so. To a request its decision says it by itself.
HOPELESS: Final = NO_SEATING | {Code.AREA_GONE, Code.NOTHING_FITS}
#: What the file says now does not bind who was confirmed before.
AGREED: Final = frozenset({Code.TURN, Code.RUNS_OVER})
#: Other tables mend it.
PLACE: Final = frozenset(
    {
        Code.TABLE_GONE,
        Code.OTHER_AREA,
        Code.IN_HOUSE_ONLY,
        Code.NOT_JOINED,
        Code.PARTY_RANGE,
    }
)


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing that does not hold.

    `about` names the part of the restaurant's file at which it is mended, such as `table 4`,
    `shift dinner` or `closure 2026-12-24`; empty: the party's own row. `words` are for people.
    """

    code: Code
    about: str
    words: str


@dataclass(frozen=True, slots=True)
class Party:
    """One party that is requested, waitlisted or holds tables. Its times are aware.

    `table_ids` ascend. `online`: only tables that are offered online are its own (booked online,
    and not changed by the staff since). `chosen`: a person chose its tables or how long it stays:
    the staff wrote it down or changed it, or it has been seated once.
    """

    status: Status
    party_size: int
    starts_at: datetime
    ends_at: datetime
    book_id: int
    area_id: int | None = None
    table_ids: Seats = ()
    online: bool = True
    chosen: bool = False
    walk_in: bool = False
    #: its start by the wall clock that the guest was told; None: not kept
    told: datetime | None = None
