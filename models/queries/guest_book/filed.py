"""How far the reservations are filed in the guest books."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.reservations import Reservation
from models.entities.running import JobRun

#: The job that files reservations, and the key in its result: all up to this id are filed.
JOB: Final = "file_guests"
FILED_TO: Final = "filed_to"


def filed_to(session: Session) -> int:
    """The reservation up to which all are filed; 0 if none is."""
    run = session.get(JobRun, JOB)
    return int((run.result or {}).get(FILED_TO, 0)) if run else 0


def anything_after(session: Session, number: int) -> bool:
    """Whether there is a reservation with a higher id."""
    query = select(Reservation.id).where(Reservation.id > number).limit(1)
    return session.scalar(query) is not None
