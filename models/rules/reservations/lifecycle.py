"""A reservation's states and the table of allowed moves."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

#: This long after the end of its turn a party has certainly left, and its evening is over.
OVER_AFTER: Final = timedelta(hours=6)


class Status(StrEnum):
    """The state of a reservation."""

    REQUESTED = "requested"
    WAITLISTED = "waitlisted"
    CONFIRMED = "confirmed"
    ARRIVED = "arrived"
    SEATED = "seated"
    FINISHED = "finished"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NO_SHOW = "no_show"


#: `source` of a party on the list at the door: it is `waitlisted`, and waits for the host alone.
DOOR: Final = "door"
#: States that hold a table and count for pacing.
HOLDING = frozenset({Status.CONFIRMED, Status.ARRIVED, Status.SEATED})
#: States of a party that is in the restaurant.
HERE = frozenset({Status.ARRIVED, Status.SEATED})
#: States that count for pacing: parties that started in the interval, even after they left.
PACED = HOLDING | {Status.FINISHED}
#: States in which a guest may still change or cancel.
OPEN = frozenset({Status.REQUESTED, Status.WAITLISTED, Status.CONFIRMED})
#: States that are final, unless the staff undo or correct the move.
ENDED = frozenset(
    {Status.FINISHED, Status.DECLINED, Status.CANCELLED, Status.EXPIRED, Status.NO_SHOW}
)

#: from -> to. Every move is recorded with its actor, time and reason.
MOVES: dict[Status, frozenset[Status]] = {
    Status.REQUESTED: frozenset(
        {Status.CONFIRMED, Status.WAITLISTED, Status.DECLINED, Status.CANCELLED}
    ),
    Status.WAITLISTED: frozenset(
        # the host may seat a party that waits, at the door or for its start
        {Status.CONFIRMED, Status.SEATED, Status.DECLINED, Status.CANCELLED, Status.EXPIRED}
    ),
    Status.CONFIRMED: frozenset(
        {
            Status.ARRIVED,
            Status.SEATED,
            Status.FINISHED,
            Status.CANCELLED,
            Status.NO_SHOW,
            # nobody confirmed it by its link, or approved it, in time
            Status.EXPIRED,
            # the staff did not approve it
            Status.DECLINED,
        }
    ),
    Status.ARRIVED: frozenset(
        {Status.SEATED, Status.FINISHED, Status.CANCELLED, Status.NO_SHOW, Status.CONFIRMED}
    ),
    Status.SEATED: frozenset(
        {Status.FINISHED, Status.ARRIVED, Status.CONFIRMED, Status.WAITLISTED, Status.NO_SHOW}
    ),
    Status.FINISHED: frozenset({Status.SEATED, Status.ARRIVED, Status.CONFIRMED, Status.NO_SHOW}),
    # a request that the staff declined by mistake
    Status.DECLINED: frozenset({Status.CONFIRMED}),
    Status.CANCELLED: frozenset(
        {Status.REQUESTED, Status.WAITLISTED, Status.CONFIRMED, Status.ARRIVED}
    ),
    Status.EXPIRED: frozenset(),
    Status.NO_SHOW: frozenset({Status.CONFIRMED, Status.ARRIVED, Status.SEATED, Status.FINISHED}),
}
#: The moves among these that are allowed only as an undo.
ONLY_BACK: dict[Status, frozenset[Status]] = {
    Status.ARRIVED: frozenset({Status.CONFIRMED}),
    Status.SEATED: frozenset({Status.ARRIVED, Status.CONFIRMED, Status.WAITLISTED, Status.NO_SHOW}),
    Status.FINISHED: frozenset({Status.SEATED, Status.ARRIVED, Status.CONFIRMED}),
    Status.CANCELLED: MOVES[Status.CANCELLED],
    Status.DECLINED: MOVES[Status.DECLINED],
}
#: A cancellation, or a refusal of a request, may be undone for this long.
UNDO_CANCELLATION: Final = timedelta(minutes=30)
#: The message of what the staff cancelled or declined waits this long: an undo in time sends none.
UNDO_PAUSE: Final = timedelta(seconds=30)


def may_move(before: Status, after: Status) -> bool:
    """Whether the table of moves allows `before` -> `after`."""
    return after in MOVES[before]


def shown_status(status: str, approve_by: datetime | None) -> Status:
    """The state as guests and staff see it.

    A request that waits for the staff's approval is stored as `confirmed`, because it holds its
    table and counts for pacing like any other.
    """
    waits = status == Status.CONFIRMED and approve_by is not None
    return Status.REQUESTED if waits else Status(status)
