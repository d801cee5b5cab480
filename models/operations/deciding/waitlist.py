"""The end of the waitlist: expire parties that still wait at their start, and notify them."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.reservations import Reservation
from models.operations.deciding.books import touch_books
from models.operations.deciding.due import lock_due
from models.operations.deciding.verdicts import Verdicts
from models.queries.deciding.parties import COLUMNS
from models.queries.floor.load import restaurants_by_id, unreadable_restaurants
from models.rules.deciding.board import Outcome
from models.rules.reservations.lifecycle import DOOR, Status

CLOCK = "clock"


def expire_waitlists(session: Session, *, now: datetime, limit: int) -> int:
    """Expire waitlisted parties whose start has come, and notify them. Return how many."""
    row = Reservation
    due = (
        row.status == Status.WAITLISTED,
        row.source != DOOR,  # waits for the host, not for its start
        row.starts_at <= now,
        row.restaurant_id.not_in(unreadable_restaurants()),
    )
    books, still = lock_due(session, due, row.starts_at, limit=limit)
    if not books:
        return 0
    parties = session.execute(select(*COLUMNS).where(*still)).all()
    restaurants = restaurants_by_id(session, books.values())
    verdicts = Verdicts(now, CLOCK)
    for party in parties:
        restaurant = restaurants[party.restaurant_id]
        outcome = Outcome(Status.EXPIRED)
        verdicts.decided(restaurant, party, outcome, ends_at=party.ends_at, reason="expired")
    verdicts.write(session)
    touch_books(session, books)
    return len(parties)
