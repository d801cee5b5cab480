"""Objections, and the upcoming parties that they are about, as values."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from models.rules.deciding.seating import Seats
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.features import NOTHING, Wants

#: A party that has arrived no longer needs a valid start.
HERE: Final = frozenset({Status.ARRIVED, Status.SEATED})


class Code(StrEnum):
    """Why a party's booking is invalid. Public: named by `restaurant load` and `check`."""

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
    AREA_CLOSED = "area_closed"
    NO_TABLE = "no_table"
    TABLE_GONE = "table_gone"
    TABLE_CLOSED = "table_closed"
    OTHER_AREA = "other_area"
    IN_HOUSE_ONLY = "in_house_only"
    WALK_IN_ONLY = "walk_in_only"
    LACKS_FEATURE = "lacks_feature"
    NOT_JOINED = "not_joined"
    PARTY_RANGE = "party_range"
    NOTHING_FITS = "nothing_fits"


#: Reasons why its start is not a start of any shift.
NO_SEATING: Final = frozenset({Code.CLOSED, Code.SHIFT_GONE, Code.NO_START})
#: Reasons why a waiting party can never be seated. For a request, the decision itself reports them.
HOPELESS: Final = NO_SEATING | {Code.AREA_GONE, Code.AREA_CLOSED, Code.NOTHING_FITS}
#: Current rules that do not bind a party confirmed under earlier ones.
AGREED: Final = frozenset({Code.TURN, Code.RUNS_OVER})
#: Objections that other tables would resolve.
PLACE: Final = frozenset(
    {
        Code.TABLE_GONE,
        Code.TABLE_CLOSED,
        Code.OTHER_AREA,
        Code.IN_HOUSE_ONLY,
        Code.WALK_IN_ONLY,
        Code.LACKS_FEATURE,
        Code.NOT_JOINED,
        Code.PARTY_RANGE,
    }
)


@dataclass(frozen=True, slots=True)
class Objection:
    """One way in which a party's booking is invalid.

    `about` names the part of the restaurant's file to change, such as `table 4`, `shift dinner` or
    `closure 2026-12-24`; empty: the party's own row. `words` is the message for people.
    """

    code: Code
    about: str
    words: str


@dataclass(frozen=True, slots=True)
class Party:
    """One party that is requested, waitlisted or holds tables. Its times are aware.

    `table_ids` ascend. `online`: only tables offered online may seat it (booked online, and not
    changed by the staff since). `chosen`: a person chose its tables or the length of its stay: the
    staff entered or changed it, or it has been seated once.
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
    wants: Wants = NOTHING
    #: the wall time of its start that the guest was given; None: not stored
    told: datetime | None = None
