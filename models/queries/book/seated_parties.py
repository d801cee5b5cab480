"""The parties seated at tables now."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import Reservation, SeatedTable
from models.rules.reservations.lifecycle import Status


@dataclass(frozen=True, slots=True)
class SeatedParty:
    """A table and the party seated there last. `sits`: it has not left."""

    table_id: int
    reservation_id: int
    reference: str
    sits: bool


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
