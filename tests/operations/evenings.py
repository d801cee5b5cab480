"""Queries for the tests of the operations: messages, history, change requests, books."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from models.core.database.transactions import reading
from models.core.settings import settings
from models.entities import (
    Message,
    Reservation,
    ReservationChange,
    ReservationMove,
    Restaurant,
    ShiftDay,
    TableOccupancy,
)
from models.operations.deciding.allocation import decide_waiting
from models.operations.deciding.rounds import Decided
from models.operations.messages.claims import claim_due
from models.operations.running.flags import set_flag
from models.queries.messages.outgoing import Outgoing, load_claimed
from models.queries.running import flags
from tests.services.running.restaurant import ShiftTimes, open_restaurant
from tests.services.running.stand import NOW, START, Stand

UNPACED = {"pacing": {"covers": 500}}
ONE_TABLE = {"1": ("hall", 1, 2)}
TWO_TABLES = {"1": ("hall", 1, 2), "2": ("hall", 1, 2)}
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
LUNCH_AND_DINNER = {
    "lunch": ShiftTimes(first=time(12), last=time(16), ends=time(17, 30)),
    "dinner": ShiftTimes(first=time(17)),
}


def a_stand(db: Engine, *, policies: Mapping[str, Any] | None = None, **restaurant: Any) -> Stand:
    """A stand with a new restaurant; unpaced by default."""
    return Stand(db, open_restaurant(db, policies=UNPACED | dict(policies or {}), **restaurant))


def one_round(stand: Stand, *, now: datetime = NOW, limit: int = 500) -> Decided:
    """One round of decisions in the restaurant's lane."""
    lane = stand.restaurant.id % settings().lanes
    return stand.do(lambda session: decide_waiting(session, lane, now=now, limit=limit))


def statuses(stand: Stand, numbers: Sequence[int]) -> list[str]:
    """The statuses of these reservations, in the given order."""
    return [stand.row(number).status for number in numbers]


def reasons(stand: Stand, numbers: Sequence[int]) -> list[str | None]:
    """The reasons of these reservations."""
    return [stand.row(number).reason for number in numbers]


def alternatives(stand: Stand, number: int) -> list[timedelta]:
    """The starts offered to a declined party, relative to START."""
    kept = stand.row(number).alternatives or []
    return [datetime.fromisoformat(text) - START for text in kept]


def told(stand: Stand, number: int) -> list[str]:
    """The kinds of a party's e-mails, in order, without reminders."""
    row = Message
    query = (
        select(row.kind)
        .where(row.reservation_id == number, row.channel == "email", row.kind != "reminder")
        .order_by(row.id)
    )
    with Session(stand.bind) as session:
        return list(session.scalars(query))


def history(stand: Stand, number: int) -> list[tuple[str, str, str]]:
    """A reservation's moves: from, to, reason. Asserts that their revisions rise by one each."""
    row = ReservationMove
    query = select(row).where(row.reservation_id == number).order_by(row.id)
    with Session(stand.bind) as session:
        moves = session.scalars(query).all()
        last = session.get_one(Reservation, number).revision
    assert [move.revision for move in moves] == list(range(2, last + 1))
    return [(move.before, move.after, move.reason) for move in moves]


def wish_row(stand: Stand, number: int) -> ReservationChange:
    """The row of a pending change request."""
    with Session(stand.bind) as session:
        return session.get_one(ReservationChange, number)


def book_rows(stand: Stand) -> list[ShiftDay]:
    """The rows of the books, by number."""
    with Session(stand.bind) as session:
        return list(session.scalars(select(ShiftDay).order_by(ShiftDay.id)))


def rows_of(stand: Stand, entity: type[Any]) -> int:
    """The number of rows of a table."""
    with Session(stand.bind) as session:
        return session.scalar(select(func.count()).select_from(entity)) or 0


def quarters_held(stand: Stand) -> int:
    """The number of taken table quarters."""
    return rows_of(stand, TableOccupancy)


def set_now(stand: Stand, flag: str, **switch: Any) -> None:
    """Set a flag (for all of Maitred), and refresh this process's copy."""
    values: dict[str, Any] = {"now": NOW, "actor": "operator"} | switch
    stand.do(lambda session: set_flag(session, flag, **values))
    seen_now()


def seen_now() -> None:
    """Refresh this process's flags, as happens after a second."""
    flags.database_flags()._seen = float("-inf")
    flags.refresh()


def revise(stand: Stand, *statements: Any) -> None:
    """Change the restaurant: statements or new rows, and a new revision."""
    raised = update(Restaurant).values(revision=Restaurant.revision + 1)
    stand.plant(*statements, raised)


def outgoing(stand: Stand, *, now: datetime = NOW) -> list[Outgoing]:
    """The due messages as they are sent, in the order in which they were written."""
    found: list[Outgoing] = []
    claim: dict[str, Any] = {"claim": "c", "limit": 100, "lease_seconds": 60}
    while stand.do(lambda session: claim_due(session, now=now, **claim)):
        with reading(stand.bind) as session:
            found += load_claimed(session, "c")
        sent = {"state": "sent", "sent_at": now, "claim": None}
        stand.plant(update(Message).where(Message.claim == "c").values(**sent))
    return sorted(found, key=lambda each: each.id)
