"""Check of each book's row against its number, its shift, and the calendar."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.shifts import ShiftDay
from models.integrity.checks.reservations import AHEAD
from models.integrity.finding import Files, Finding
from models.rules.restaurant.restaurant import book_id
from models.rules.retention import DAYS_MIN

#: No restaurant's retention removes data of a book earlier than this.
_KEPT: Final = timedelta(days=DAYS_MIN - 1)


def books(session: Session, files: Files, *, now: datetime) -> Iterator[Finding]:
    """Check each book's row against its number, its shift, and the calendar."""
    row = ShiftDay
    query = select(
        row.id, row.restaurant_id, row.shift_id, row.service_date, row.revision, row.freed_at,
        row.guests_forgotten_at, row.messages_forgotten_at,
    )  # fmt: skip
    for number, restaurant_id, shift_id, day, revision, freed, guests, told in session.execute(
        query
    ):
        shift = files.shifts.get(shift_id)
        done = [at for at in (guests, told) if at is not None]
        problem = ""
        if shift is None or shift.restaurant_id != restaurant_id:
            problem = "belongs to no shift of its restaurant"
        elif number != book_id(shift_id, day):
            problem = f"is not the book of shift {shift_id} on {day}"
        elif revision < 0:
            problem = f"is in revision {revision}"
        elif freed is not None and freed > now + AHEAD:
            problem = f"has freed_at in the future: {freed}"
        elif any(at > now + AHEAD or at.date() < day + _KEPT for at in done):
            problem = "was erased too early, or at a time in the future"
        if problem:
            yield Finding("row", (), f"book {number} {problem}")
