"""Seat a party at tables that are meant for others who have not come: they make way."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.entities.reservations import Reservation
from models.operations.deciding.occupancy import holders
from models.operations.reservations.repeats import ANYTHING, ActsOn
from models.operations.stand.arrivals import seat
from models.operations.tables.assigning import Force, assign_tables
from models.operations.tables.placing import TableOutcome
from models.rules.deciding.seating import Seats
from models.rules.reservations.lifecycle import HOLDING, Status
from models.rules.restaurant.sittings import quarter_of


def seat_at(
    session: Session,
    reservation_id: int,
    *,
    table_ids: Seats,
    now: datetime,
    actor: str,
    acts_on: ActsOn = ANYTHING,
) -> TableOutcome:
    """Seat the party at these tables; the outcome names the parties that made way.

    It is `seat`, preceded by `assign_tables` where the tables are meant for others. No table is
    taken from a party that is here. Raises what these raise.
    """
    outcome = TableOutcome()
    if table_ids and _are_meant_for_others(session, reservation_id, table_ids, now=now):
        force = Force(squeeze=True)  # the host sees whether the party fits
        outcome = assign_tables(
            session,
            reservation_id,
            table_ids=table_ids,
            now=now,
            actor=actor,
            acts_on=acts_on,
            force=force,
        )
        acts_on = ANYTHING
    seat(session, reservation_id, now=now, actor=actor, table_ids=table_ids, acts_on=acts_on)
    return outcome


def _are_meant_for_others(
    session: Session, reservation_id: int, tables: Seats, *, now: datetime
) -> bool:
    row = session.get(Reservation, reservation_id)
    if row is None or Status(row.status) not in HOLDING:
        return False
    last = quarter_of(max(row.ends_at, now))
    held, _blocked = holders(session, tables, first=quarter_of(now), last=last)
    return any(party != reservation_id for party in held.values())
