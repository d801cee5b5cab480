"""Why a party moved: each reason of the history, and where it can lead."""

from typing import Final

from models.rules.board import Reason
from models.rules.lifecycle import Status
from models.rules.telling import CHANGED_REASON, REFUSED_REASON, RESEATED_REASON

_WAITS: Final = frozenset({Status.WAITLISTED, Status.DECLINED})
#: Reasons of a move to another state (or, for a waiting party's new wish, to the same).
MOVED: Final[dict[str, frozenset[Status]]] = {
    **{reason.value: _WAITS for reason in Reason},
    "decision": _WAITS | {Status.CONFIRMED},
    "promotion": frozenset({Status.CONFIRMED}),
    "expired": frozenset({Status.EXPIRED}),
    "arrival": frozenset({Status.ARRIVED}),
    "seating": frozenset({Status.SEATED}),
    "finish": frozenset({Status.FINISHED}),
    "no_show": frozenset({Status.NO_SHOW}),
    "evening_over": frozenset({Status.FINISHED}),
    "taken_back": frozenset({Status.CONFIRMED, Status.ARRIVED, Status.SEATED, Status.NO_SHOW}),
    "cancellation": frozenset({Status.CANCELLED}),
    "late_cancellation": frozenset({Status.CANCELLED}),
}
#: Reasons of a line of history that leaves the party where it stands.
STAYED: Final[dict[str, frozenset[Status]]] = {
    CHANGED_REASON: frozenset({Status.CONFIRMED}),
    REFUSED_REASON: frozenset({Status.CONFIRMED, Status.WAITLISTED}),
    RESEATED_REASON: frozenset({Status.CONFIRMED, Status.ARRIVED}),
    "decision": frozenset({Status.WAITLISTED}),
    "moved": frozenset({Status.SEATED}),
    "edited": frozenset(Status),
}


def leads_to(reason: str, before: str, after: str) -> bool:
    """Whether a move of that reason can have led from there to there."""
    known: frozenset[str] = (STAYED if before == after else MOVED).get(reason, frozenset())
    return after in known
