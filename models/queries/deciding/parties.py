"""What a decision reads of a reservation: no name, no note, nothing it does not need."""

from typing import Any, TypeAlias

from sqlalchemy import Row

from models.core.database.transactions import table_of
from models.entities.reservations import Reservation

_ROW = table_of(Reservation).c

#: Columns of the table and not of the class: this is the hot path, and the ORM's share of a small
#: SELECT is larger than the database's.
COLUMNS = (
    _ROW.id,
    _ROW.restaurant_id,
    _ROW.book_id,
    _ROW.status,
    _ROW.revision,
    _ROW.party_size,
    _ROW.starts_at,
    _ROW.ends_at,
    _ROW.told_offset,
    _ROW.area_id,
    _ROW.waitlist,
    _ROW.source,
    _ROW.email_key,
    _ROW.phone_key,
    _ROW.awaited,
    _ROW.created_at,
)

#: One row of COLUMNS.
PartyRow: TypeAlias = Row[*tuple[Any, ...]]
