"""Changes that messages are about: accepted ones void older messages, refused ones are told."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.entities.messages import Message
from models.entities.reservations import ReservationChange, ReservationMove
from models.rules.messages.notifying import (
    APPROVED_REASON,
    CHANGED_REASON,
    PROVED_REASON,
    REFUSED_REASON,
    Kind,
)
from models.rules.reservations.lifecycle import Status


@dataclass(frozen=True, slots=True)
class RefusedChange:
    """A refused change: the requested values, the reason, and the free alternatives."""

    party_size: int
    starts_at: datetime
    reason: str | None
    alternatives: tuple[datetime, ...]


#: An accepted change, a refused one, a confirmation by the link, an approval by the staff.
_TOLD_ANEW = (CHANGED_REASON, REFUSED_REASON, PROVED_REASON, APPROVED_REASON)
#: (reservation, the revision that reported it; None: the last) -> the change
Refused = dict[tuple[int, int | None], RefusedChange]


def last_changes(session: Session, reservations: Collection[int]) -> dict[int, dict[str, int]]:
    """Return reservation -> reason -> the highest revision of a move with that reason.

    The reasons are those of `_TOLD_ANEW`.
    """
    if not reservations:
        return {}
    move = ReservationMove
    query = (
        select(move.reservation_id, move.reason, func.max(move.revision))
        .where(
            move.reservation_id.in_(reservations),
            move.reason.in_(_TOLD_ANEW),
        )
        .group_by(move.reservation_id, move.reason)
    )
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for reservation, reason, revision in session.execute(query):
        found[reservation][reason] = revision
    return found


def refused_changes(session: Session, reservations: Collection[int]) -> Refused:
    """Return refused changes by reservation and the revision that reported it; None: the last."""
    if not reservations:
        return {}
    query = (
        select(ReservationChange)
        .where(
            ReservationChange.reservation_id.in_(reservations),
            ReservationChange.status == "refused",
        )
        .order_by(ReservationChange.id)  # the last one wins
    )
    found: Refused = {}
    for row in session.scalars(query):
        wish = RefusedChange(row.party_size, row.starts_at, row.reason, moments(row.alternatives))
        found[row.reservation_id, row.answered_revision] = found[row.reservation_id, None] = wish
    return found


def refused_change_of(message: Message, refused: Refused) -> RefusedChange | None:
    """Return the change that the message answers; the last one if an older release did not say."""
    if message.kind != Kind.CHANGE_REFUSED:
        return None
    own = refused.get((message.reservation_id, message.reservation_revision))
    return own or refused.get((message.reservation_id, None))


def moments(alternatives: list[str] | None) -> tuple[datetime, ...]:
    """Return stored alternatives as times."""
    return tuple(datetime.fromisoformat(text) for text in alternatives or ())


def host_texts(session: Session, ids: Collection[int]) -> dict[tuple[int, int], str]:
    """Return (reservation id, revision) -> the host's text in a cancellation, a no or a change."""
    if not ids:
        return {}
    move = ReservationMove
    query = select(move.reservation_id, move.revision, move.detail).where(
        move.reservation_id.in_(ids),
        or_(
            move.after.in_([Status.CANCELLED, Status.DECLINED]),
            move.reason == CHANGED_REASON,
        ),
    )
    return {
        (number, revision): detail["message"]
        for number, revision, detail in session.execute(query)
        if detail and "message" in detail
    }
