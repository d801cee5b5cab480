"""Seated parties and their tables: a table stays taken until the party is recorded as gone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.core.errors import Sentence, StateConflict, sentence
from models.entities.reservations import Assignment, Reservation, SeatedTable
from models.rules.deciding.seating import Seats
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec

_ROWS = table_of(SeatedTable)


@dataclass(frozen=True, slots=True)
class SeatedParty:
    """A table and the party seated there last. `sits`: it has not left."""

    table_id: int
    reservation_id: int
    reference: str
    sits: bool


def refuse_if_others_sit(
    session: Session, restaurant: RestaurantSpec, row: Reservation, tables: Seats
) -> None:
    """Raise StateConflict naming each party that is still seated at one of these tables.

    Rows of parties that are no longer seated (an older release finished them) are deleted.
    """
    others = [each for each in sitters(session, tables) if each.reservation_id != row.id]
    sitting = [each for each in others if each.sits]
    if sitting:
        raise StateConflict(_still_seated(restaurant, sitting))
    if others:
        gone = [each.table_id for each in others]
        session.execute(delete(_ROWS).where(_ROWS.c.dining_table_id.in_(gone)))


def _still_seated(restaurant: RestaurantSpec, sitting: Sequence[SeatedParty]) -> Sentence:
    known = restaurant.table_by_id
    tables = [each.table_id for each in sitting]
    return sentence(
        "still_seated",
        "reservation {references} is still seated at {tables}: move or finish it first",
        references=", ".join(dict.fromkeys(each.reference for each in sitting)),
        tables=", ".join(known[each].label if each in known else f"#{each}" for each in tables),
    )


def sitters(session: Session, tables: Collection[int]) -> list[SeatedParty]:
    """Return the parties seated at these tables, and stale rows of others. One query by the key."""
    row, seated = table_of(Reservation).c, table_of(SeatedTable).c
    query = (
        select(seated.dining_table_id, row.id, row.reference, row.status == Status.SEATED.value)
        .join_from(seated.reservation_id.table, row.id.table, row.id == seated.reservation_id)
        .where(seated.dining_table_id.in_(tables))
        .order_by(seated.dining_table_id)
    )
    return [SeatedParty(*found) for found in session.execute(query)]


def sit_down(session: Session, row: Reservation, tables: Seats) -> None:
    """Record that the party sits at these tables, and no longer at any it was given before.

    Call `refuse_if_others_sit` first. If another party was seated meanwhile, the key rejects the
    row; `unit` then runs again, and that party is named.
    """
    stand_up(session, row)
    rows = [
        {"dining_table_id": table, "reservation_id": row.id, "restaurant_id": row.restaurant_id}
        for table in tables
    ]
    if rows:
        session.execute(insert(_ROWS), rows)


def stand_up(session: Session, row: Reservation) -> None:
    """Record that the party sits at no table any more."""
    given = select(Assignment.dining_table_id).where(Assignment.reservation_id == row.id)
    tables = session.scalars(given).all()
    session.execute(
        delete(_ROWS).where(_ROWS.c.dining_table_id.in_(tables), _ROWS.c.reservation_id == row.id)
    )


def mend_seated_tables(session: Session) -> int:
    """Add missing rows of seated parties, and delete those of parties that are not seated.

    An older release that runs beside this one leaves such rows wrong. Return how many were wrong.
    """
    party, given = table_of(Reservation).c, table_of(Assignment).c
    gone = (
        select(_ROWS.c.dining_table_id)
        .join_from(_ROWS, party.id.table, party.id == _ROWS.c.reservation_id)
        .where(party.status != Status.SEATED.value)
    )
    stale = session.scalars(gone).all()
    if stale:
        session.execute(delete(_ROWS).where(_ROWS.c.dining_table_id.in_(stale)))
    lacking = (
        select(given.dining_table_id, party.id, party.restaurant_id)
        .join_from(party.id.table, given.reservation_id.table, given.reservation_id == party.id)
        .outerjoin(_ROWS, _ROWS.c.dining_table_id == given.dining_table_id)
        .where(party.status == Status.SEATED.value, _ROWS.c.reservation_id.is_(None))
        .order_by(party.id)
    )
    # if two parties are seated at one table, the last one
    rows = {row.dining_table_id: row for row in session.execute(lacking)}
    names = ("dining_table_id", "reservation_id", "restaurant_id")
    if rows:
        values = [dict(zip(names, row, strict=True)) for row in rows.values()]
        session.execute(insert(_ROWS), values)
    return len(stale) + len(rows)
