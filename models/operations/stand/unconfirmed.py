"""Tables held for unconfirmed guests: confirmed by the link, or released in time."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import Reservation
from models.operations.deciding.books import lock_reservation
from models.operations.deciding.due import lock_lapsed
from models.operations.deciding.verdicts import Verdicts
from models.operations.reservations.changes import release_all_tables
from models.operations.reservations.contact_proofs import confirm_contact, confirms_contact
from models.operations.reservations.pending_changes import end_pending_changes
from models.queries.floor.load import restaurant_by_id
from models.rules.deciding.board import Reason
from models.rules.messages.notifying import PROVED_REASON, UNPROVED_REASON
from models.rules.reservations.lifecycle import Status

_ROWS = table_of(Reservation)
_HOLD = (
    update(_ROWS)
    .where(_ROWS.c.id.in_(bindparam("ids", expanding=True)))
    .values(confirm_by=bindparam("until"))
)
CLOCK: Final = "clock"
GUEST: Final = "guest"


def hold_until(session: Session, until: Mapping[datetime, Sequence[int]]) -> None:
    """Set the time until which these parties, just confirmed, hold their tables."""
    for moment, ids in until.items():
        session.execute(_HOLD, {"ids": ids, "until": moment})


def confirm_by_link(session: Session, reservation_id: int, code: str, *, now: datetime) -> bool:
    """Confirm the held table for the contact of this code; return whether that is new.

    The reservation then no longer expires, and the guest is notified. This works after the deadline
    too, as long as the table was not released. Raises NotFound.
    """
    row = lock_reservation(session, reservation_id)
    is_held = row.status == Status.CONFIRMED and row.confirm_by is not None
    if not is_held or not confirms_contact(row, code):
        return False
    row.confirm_by = None
    confirm_contact(session, row.id, code, now=now)
    verdicts = Verdicts(now, GUEST)
    restaurant = restaurant_by_id(session, row.restaurant_id)
    verdicts.moved(restaurant, row, Status.CONFIRMED, PROVED_REASON, starts_at=row.starts_at)
    verdicts.write(session)
    row.revision += 1
    return True


def release_unconfirmed(session: Session, *, now: datetime, limit: int) -> int:
    """Expire parties not confirmed in time; free their tables and notify them. Return how many."""
    parties = lock_lapsed(session, Reservation.confirm_by, now=now, limit=limit)
    verdicts = Verdicts(now, CLOCK)
    for party in parties:
        end_pending_changes(session, party.id, status="dropped", now=now)
        release_all_tables(session, party, now=now)
        restaurant = restaurant_by_id(session, party.restaurant_id)
        verdicts.moved(
            restaurant, party, Status.EXPIRED, UNPROVED_REASON, starts_at=party.starts_at
        )
    verdicts.write(session)
    for party in parties:
        party.status, party.reason = Status.EXPIRED.value, Reason.UNPROVED.value
        party.confirm_by = party.approve_by = None
        party.revision += 1
    return len(parties)
