"""Check that every party whose state holds a table has one."""

from collections.abc import Iterator

from sqlalchemy import exists, not_, select
from sqlalchemy.orm import Session

from models.entities.reservations import Assignment, Reservation
from models.integrity.finding import Finding
from models.rules.reservations.lifecycle import HOLDING

_HOLDING = sorted(status.value for status in HOLDING)


def without_table(session: Session, *, limit: int) -> Iterator[Finding]:
    """Confirmed, arrived and seated parties without any table."""
    row = Reservation
    query = select(row.id, row.status).where(
        row.status.in_(_HOLDING), not_(exists().where(Assignment.reservation_id == row.id))
    )
    for number, status in session.execute(query.limit(limit)):
        yield Finding("no-table", (number,), f"reservation {number} is {status} but has no table")
