"""An evening in figures: the outcomes of one book's parties, decision times, and messages."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.entities.messages import Message
from models.entities.reservations import Reservation, ReservationChange
from models.entities.shifts import ShiftDay


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Parties of one size in one state."""

    party_size: int
    status: str
    parties: int


@dataclass(frozen=True, slots=True)
class MessageCount:
    """Messages of one kind on one channel, in one state."""

    kind: str
    channel: str
    state: str
    messages: int


@dataclass(frozen=True, slots=True)
class OpenWork:
    """Open work: undecided requests, changes and freed books, and messages due."""

    undecided: int
    unsent: int


def parties_in(session: Session, book: int) -> int:
    """Return how many reservations were ever requested for that book."""
    query = select(func.count()).where(Reservation.book_id == book)
    return session.scalar(query) or 0


def outcomes(session: Session, book: int) -> list[Outcomes]:
    """Return the number of parties by size and state."""
    row = Reservation
    query = (
        select(row.party_size, row.status, func.count())
        .where(row.book_id == book)
        .group_by(row.party_size, row.status)
    )
    return [Outcomes(*found) for found in session.execute(query)]


def wishes(session: Session, book: int) -> dict[str, int]:
    """Return the number of change requests by status."""
    wish = ReservationChange
    query = (
        select(wish.status, func.count())
        .join(Reservation, Reservation.id == wish.reservation_id)
        .where(Reservation.book_id == book)
        .group_by(wish.status)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def decision_seconds(session: Session, book: int) -> list[float]:
    """Return the seconds from each request to its last decision, ascending."""
    row = Reservation
    query = select(row.created_at, row.decided_at).where(
        row.book_id == book, row.decided_at.is_not(None)
    )
    return sorted(
        (decided - asked).total_seconds()
        for asked, decided in session.execute(query)
        if decided is not None
    )


def message_counts(session: Session, book: int) -> list[MessageCount]:
    """Return the number of messages of the book's reservations by kind, channel and state."""
    row = Message
    query = (
        select(row.kind, row.channel, row.state, func.count())
        .join(Reservation, Reservation.id == row.reservation_id)
        .where(Reservation.book_id == book)
        .group_by(row.kind, row.channel, row.state)
        .order_by(row.kind, row.channel, row.state)
    )
    return [MessageCount(*found) for found in session.execute(query)]


def waiting(session: Session, book: int, *, now: datetime) -> OpenWork:
    """Count undecided requests, changes and freed books; and messages that are due but not sent."""
    row, wish, said = Reservation, ReservationChange, Message
    ours = row.book_id == book
    undecided = (
        select(func.count()).where(ours, row.status == "requested"),
        select(func.count())
        .select_from(wish)
        .join(row, row.id == wish.reservation_id)
        .where(ours, wish.status == "requested"),
        select(func.count()).where(ShiftDay.id == book, ShiftDay.freed_at.is_not(None)),
    )
    unsent = (
        select(func.count())
        .select_from(said)
        .join(row, row.id == said.reservation_id)
        .where(ours, said.state.in_(("queued", "sending")), said.due_at <= now)
    )
    return OpenWork(
        undecided=sum(session.scalar(query) or 0 for query in undecided),
        unsent=session.scalar(unsent) or 0,
    )
