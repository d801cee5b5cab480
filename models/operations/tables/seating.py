"""Seat a party at tables that are meant for others who have not come: they make way."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from models.entities.reservations import Reservation
from models.operations.deciding.books import lock_reservation
from models.operations.deciding.occupancy import holders, tables_of
from models.operations.reservations.repeats import ANYTHING, ActsOn
from models.operations.stand.arrivals import seat
from models.operations.tables.assigning import assign_tables
from models.operations.tables.forcing import NO_FORCE, Force, refuse_too_large
from models.operations.tables.placing import TableOutcome
from models.queries.floor.load import restaurant_by_id
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
    force: Force = NO_FORCE,
) -> TableOutcome:
    """Seat the party at these tables; the outcome names the parties that made way.

    It is `seat`, preceded by `assign_tables` where the tables are meant for others. No table is
    taken from a party that is here. A party larger than the tables seat needs `force`, except at
    those that it has already. Raises TooLarge, and what these raise.
    """
    outcome = TableOutcome()
    if table_ids and not force.squeeze:
        _refuse_too_large(session, reservation_id, table_ids)
    if table_ids and _are_meant_for_others(session, reservation_id, table_ids, now=now):
        outcome = assign_tables(
            session,
            reservation_id,
            table_ids=table_ids,
            now=now,
            actor=actor,
            acts_on=acts_on,
            force=replace(force, squeeze=True),  # checked above
        )
        acts_on = ANYTHING
    seat(
        session,
        reservation_id,
        now=now,
        actor=actor,
        table_ids=table_ids,
        acts_on=acts_on,
        noted=force.detail(),
    )
    return outcome


def _refuse_too_large(session: Session, reservation_id: int, tables: Seats) -> None:
    row = lock_reservation(session, reservation_id)
    wanted = tuple(sorted(set(tables)))
    restaurant = restaurant_by_id(session, row.restaurant_id)
    is_known = set(wanted) <= restaurant.table_by_id.keys()
    if not is_known or wanted == tables_of(session, row.id):
        return
    who = f"reservation {row.reference}"
    refuse_too_large(restaurant, wanted, party_size=row.party_size, who=who, force=NO_FORCE)


def _are_meant_for_others(
    session: Session, reservation_id: int, tables: Seats, *, now: datetime
) -> bool:
    row = session.get(Reservation, reservation_id)
    if row is None or Status(row.status) not in HOLDING:
        return False
    last = quarter_of(max(row.ends_at, now))
    held, _blocked = holders(session, tables, first=quarter_of(now), last=last)
    return any(party != reservation_id for party in held.values())
