"""The revision of a day's book, for clients that wait for the next one."""

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.entities.shifts import ShiftDay


def book_revision(session: Session, restaurant_id: int, service_date: date) -> int:
    """Return the sum of the date's book revisions, as in `book_of`. One query by an index."""
    query = select(func.coalesce(func.sum(ShiftDay.revision), 0)).where(
        ShiftDay.restaurant_id == restaurant_id, ShiftDay.service_date == service_date
    )
    return int(session.scalar(query) or 0)
