"""The columns of a reservation that a decision reads: no name, no note, nothing unneeded."""

from typing import Any, TypeAlias

from sqlalchemy import Row

from models.core.database.transactions import table_of
from models.entities.reservations import Reservation
from models.rules.deciding.board import Ask
from models.rules.restaurant.features import Wants, wants_from
from models.rules.restaurant.sittings import quarter_of

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
    _ROW.turn_minutes,
    _ROW.wanted_features,
)

#: One row of COLUMNS.
PartyRow: TypeAlias = Row[*tuple[Any, ...]]


def ask_of(row: PartyRow) -> Ask:
    """Return the reservation's row as an `Ask`."""
    return Ask(
        row.party_size,
        quarter_of(row.starts_at),
        row.area_id,
        online=row.source == "online",
        waitlist=row.waitlist,
        walk_in=row.source == "walk_in",
        turn_minutes=row.turn_minutes,
        wants=wants_of(row),
    )


def wants_of(row: PartyRow) -> Wants:
    """Return the features of tables that the party needs or wishes for."""
    return wants_from(row.wanted_features)
