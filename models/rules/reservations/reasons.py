"""Reasons of moves in the history, and the states that each can lead to."""

from typing import Final

from models.rules.deciding.board import BLOCKED_REASON, Reason
from models.rules.messages.notifying import (
    APPROVED_REASON,
    ASSIGNED_REASON,
    CHANGED_REASON,
    DETAILS_REASON,
    JOINED_REASON,
    LATE_REASON,
    LEFT_REASON,
    LIST_OVER_REASON,
    LOCKED_REASON,
    MISSED_REASON,
    MORE_REASON,
    NOT_APPROVED_REASON,
    PASSED_REASON,
    PROVED_REASON,
    READY_REASON,
    REANCHORED_REASON,
    REFUSED_REASON,
    RESEATED_REASON,
    RESIZED_REASON,
    SPEND_REASON,
    STANDS_REASON,
    SWAPPED_REASON,
    TO_APPROVE_REASON,
    TURN_REASON,
    UNANSWERED_REASON,
    UNDONE_REASON,
    UNLOCKED_REASON,
    UNPROVED_REASON,
    WAITS_REASON,
)
from models.rules.reservations.contact_edits import EDITED_REASON
from models.rules.reservations.lifecycle import HERE, HOLDING, OPEN, PACED, Status

_WAITS: Final = frozenset({Status.WAITLISTED, Status.DECLINED})
#: Reasons of a move to another state (or to the same one, when a waiting party's request changes).
MOVED: Final[dict[str, frozenset[Status]]] = {
    **{reason.value: _WAITS for reason in Reason},
    BLOCKED_REASON: frozenset({Status.DECLINED}),
    "decision": frozenset({Status.CONFIRMED}),
    "promotion": frozenset({Status.CONFIRMED}),
    UNPROVED_REASON: frozenset({Status.EXPIRED}),
    TO_APPROVE_REASON: frozenset({Status.CONFIRMED}),
    NOT_APPROVED_REASON: frozenset({Status.DECLINED}),
    UNANSWERED_REASON: frozenset({Status.EXPIRED}),
    "expired": frozenset({Status.EXPIRED}),
    "arrival": frozenset({Status.ARRIVED}),
    "seating": frozenset({Status.SEATED}),
    "finish": frozenset({Status.FINISHED}),
    "evening_over": frozenset({Status.FINISHED}),
    "no_show": frozenset({Status.NO_SHOW}),
    UNDONE_REASON: HOLDING | {Status.REQUESTED, Status.WAITLISTED, Status.FINISHED, Status.NO_SHOW},
    STANDS_REASON: frozenset({Status.CONFIRMED, Status.WAITLISTED}),
    WAITS_REASON: frozenset({Status.CONFIRMED}),
    "cancellation": frozenset({Status.CANCELLED}),
    "late_cancellation": frozenset({Status.CANCELLED}),
    JOINED_REASON: frozenset({Status.WAITLISTED}),
    LEFT_REASON: frozenset({Status.CANCELLED}),
    LIST_OVER_REASON: frozenset({Status.EXPIRED}),
}
#: Reasons of a history entry that leaves the state as it is.
STAYED: Final[dict[str, frozenset[Status]]] = {
    CHANGED_REASON: HERE | {Status.CONFIRMED},
    # also of a party that came, left or did not come: a stored request is always answered
    REFUSED_REASON: PACED | {Status.WAITLISTED, Status.NO_SHOW},
    RESEATED_REASON: frozenset({Status.CONFIRMED, Status.ARRIVED}),
    REANCHORED_REASON: frozenset({Status.CONFIRMED, Status.WAITLISTED}),
    PROVED_REASON: frozenset({Status.CONFIRMED}),
    APPROVED_REASON: frozenset({Status.CONFIRMED}),
    "decision": frozenset({Status.WAITLISTED}),
    "moved": frozenset({Status.SEATED}),
    **dict.fromkeys(
        (READY_REASON, MISSED_REASON, PASSED_REASON, RESIZED_REASON), frozenset({Status.WAITLISTED})
    ),
    ASSIGNED_REASON: frozenset({Status.CONFIRMED, Status.ARRIVED}),
    SWAPPED_REASON: HOLDING,
    LOCKED_REASON: HOLDING,
    UNLOCKED_REASON: HOLDING,
    TURN_REASON: HOLDING,
    LATE_REASON: frozenset({Status.CONFIRMED}),
    MORE_REASON: HERE,
    DETAILS_REASON: OPEN | HOLDING,
    SPEND_REASON: frozenset({Status.SEATED, Status.FINISHED}),
    EDITED_REASON: frozenset(Status),
}


def leads_to(reason: str, before: str, after: str) -> bool:
    """Whether a move with that reason can have led from `before` to `after`."""
    name = EDITED_REASON if reason.startswith(f"{EDITED_REASON}:") else reason
    known: frozenset[str] = (STAYED if before == after else MOVED).get(name, frozenset())
    return after in known
