"""Check that erased guests have no data left, and that retention skipped no guest of a book."""

from collections.abc import Iterator

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.entities.reservations import Reservation
from models.entities.shifts import ShiftDay
from models.integrity.finding import Finding
from models.rules.reservations.lifecycle import ENDED


def forgotten(session: Session, *, limit: int) -> Iterator[Finding]:
    """Erased guests with remaining data, and guests that retention skipped."""
    row, book = Reservation, ShiftDay
    found = select(row.id).where(
        row.forgotten_at.is_not(None),
        or_(
            row.email_key.is_not(None),
            row.phone_key.is_not(None),
            row.staff_note_sealed.is_not(None),
        ),
    )
    for number in session.scalars(found.limit(limit)):
        yield Finding(
            "forgotten", (number,), f"reservation {number} is erased but still has guest data"
        )
    left = (
        select(row.id, book.service_date)
        .join(book, book.id == row.book_id)
        .where(
            book.guests_forgotten_at.is_not(None),
            row.forgotten_at.is_(None),
            row.status.in_(sorted(ENDED)),
        )
    )
    for number, day in session.execute(left.limit(limit)):
        text = f"reservation {number} of {day} is not erased, but its book is marked as erased"
        yield Finding("forgotten", (number,), text)
