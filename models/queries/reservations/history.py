"""The history of a reservation, with the names of those who acted and the tables of each step."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.accounts import Account
from models.entities.reservations import ReservationMove
from models.rules.messages.notifying import APPROVED_REASON, TO_APPROVE_REASON
from models.rules.reservations.lifecycle import Status

_STAFF: Final = "staff:"
#: A request that waits for approval does so until it is in another state; a cancellation can be
#: undone.
_STILL_WAITS: Final = frozenset({Status.CONFIRMED, Status.CANCELLED, Status.DECLINED})
#: Moves after which the tables are other ones, although an older release did not store which.
_UNKNOWN: Final = frozenset({"re_seated", "moved", "changed"})


@dataclass(frozen=True, slots=True)
class HistoryStep:
    """One step. `actor`: guest, staff, worker, clock or operator; `name`: of the staff's account.

    `before`, `after`: the labels of its tables; None: not known. They differ if it moved.
    """

    at: datetime
    actor: str
    name: str | None
    reason: str
    status_before: str
    status: str
    revision: int
    before: tuple[str, ...] | None
    after: tuple[str, ...] | None
    #: why, in the words of the staff
    text: str | None
    #: more about the step, as the act stored it: `for`, `with`, `end`, `squeeze`, ...
    more: Mapping[str, Any] = field(default_factory=dict)


def history_of(
    session: Session, reservation_id: int, tables: tuple[str, ...]
) -> tuple[HistoryStep, ...]:
    """Return the steps, oldest first. `tables`: the labels of its tables now. Two queries."""
    move = table_of(ReservationMove).c
    query = select(*move).where(move.reservation_id == reservation_id).order_by(move.id)
    rows = session.execute(query).all()
    names = _names(session, {row.actor for row in rows})
    steps = []
    seen = _statuses_of(rows)
    for row, states, (before, after) in zip(rows, seen, _tables_of(rows, tables), strict=True):
        detail = dict(row.detail or {})
        text = detail.pop("text", None)
        detail.pop("from", None), detail.pop("to", None)
        actor = "staff" if row.actor.startswith(_STAFF) else row.actor
        about = row.reason.partition(":")[0], *states, row.revision
        known = names.get(row.actor)
        steps.append(HistoryStep(row.at, actor, known, *about, before, after, text, detail))
    return tuple(steps)


def cancelled_at(session: Session, reservation_id: int) -> datetime | None:
    """Return when the reservation was last cancelled or declined; None: never. One query."""
    move = table_of(ReservationMove).c
    query = select(move.at).where(
        move.reservation_id == reservation_id,
        move.before != move.after,
        move.after.in_([Status.CANCELLED.value, Status.DECLINED.value]),
    )
    return session.scalars(query.order_by(move.id.desc()).limit(1)).first()


def _statuses_of(rows: Sequence[Any]) -> list[tuple[str, str]]:
    """Return the states before and after each step, as guests and staff saw them."""
    found, waits = [], False
    for row in rows:
        before = _seen(row.before, waits=waits)
        if row.reason == TO_APPROVE_REASON:
            waits = True
        elif row.reason == APPROVED_REASON or row.after not in _STILL_WAITS:
            waits = False
        found.append((before, _seen(row.after, waits=waits)))
    return found


def _seen(status: str, *, waits: bool) -> str:
    is_open = waits and status == Status.CONFIRMED
    return Status.REQUESTED.value if is_open else status


def _names(session: Session, actors: Collection[str]) -> dict[str, str]:
    """Return the names of the staff's accounts by actor."""
    numbers = [int(each.removeprefix(_STAFF)) for each in actors if each.startswith(_STAFF)]
    if not numbers:
        return {}
    row = table_of(Account).c
    query = select(row.id, row.name, row.email).where(row.id.in_(sorted(numbers)))
    return {f"{_STAFF}{each.id}": each.name or each.email for each in session.execute(query)}


_Tables = tuple[str, ...] | None


def _tables_of(rows: Sequence[Any], tables: _Tables) -> list[tuple[_Tables, _Tables]]:
    """Return the tables before and after each step, found backwards from those of now."""
    found: list[tuple[_Tables, _Tables]] = []
    after = tables
    for row in reversed(rows):
        detail = row.detail or {}
        after = tuple(detail["to"]) if "to" in detail else after
        before = after
        if "from" in detail:
            before = tuple(detail["from"])
        elif row.reason in _UNKNOWN:
            before = None
        elif row.before in ("requested", "waitlisted"):
            before = ()
        found.append((before, after))
        after = before
    return found[::-1]
