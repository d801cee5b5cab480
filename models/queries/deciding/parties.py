"""The columns of a reservation that a decision reads: no name, no note, nothing unneeded."""

from typing import Any, TypeAlias

from sqlalchemy import Row

from models.core.database.transactions import table_of
from models.entities.reservations import Reservation

_ROW = table_of(Reservation).c

#: Columns of the table, not of the class: this is the hot path, and for a small SELECT the ORM
#: costs more than the database.
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
    _ROW.approve_by,
)

#: One row of COLUMNS.
PartyRow: TypeAlias = Row[*tuple[Any, ...]]
