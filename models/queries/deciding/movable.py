"""Parties that may be moved to another table: booked online, confirmed, and not due soon."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import Reservation, TableOccupancy
from models.rules.deciding.board import Ask, Board
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.features import wants_from
from models.rules.restaurant.sittings import book_quarters, quarter_of

#: From this long before the start the table is laid, and the host knows which party gets it.
LAID: Final = timedelta(minutes=30)


def load_movable(
    session: Session, board: Board, *, now: datetime, without: Collection[int]
) -> None:
    """Add to the board those of its parties that may be moved. The caller has locked its book.

    Parties whose tables the staff chose or locked are left out, and so are those that the staff
    recorded: an older release did not store whether they chose. `without`: parties that are handled
    otherwise already. Two queries.
    """
    row = table_of(Reservation).c
    query = select(row.id, row.party_size, row.starts_at, row.area_id, row.wanted_features).where(
        row.book_id == board.sitting.book_id,
        row.status == Status.CONFIRMED.value,
        row.source == "online",
        row.starts_at >= now + LAID,
        row.tables_locked.is_(False),
        # NULL: an older release, which chose tables only for its own bookings
        row.tables_chosen.is_not(True),
    )
    parties = session.execute(query).all()
    held = _read_held(session, board) if parties else {}
    for number, party_size, starts_at, area_id, wanted in parties:
        places = held.get(number)
        if number in without or places is None:
            continue
        ask = Ask(party_size, quarter_of(starts_at), area_id, wants=wants_from(wanted))
        seats, quarters = tuple(sorted(places)), next(iter(places.values()))
        whole = set(range(ask.quarter, ask.quarter + len(quarters)))
        # A party that is not seated as a decision would (the host changed it) stays.
        if all(quarters == whole for quarters in places.values()):
            board.may_be_moved(number, ask, seats, len(whole))


def _read_held(session: Session, board: Board) -> dict[int, dict[int, set[int]]]:
    """Return reservation -> table -> its quarters, without parties that reach beyond the book."""
    row = table_of(TableOccupancy).c
    first, last = book_quarters(board.restaurant, board.sitting)
    query = select(row.reservation_id, row.dining_table_id, row.quarter_hour).where(
        row.restaurant_id == board.restaurant.id, row.quarter_hour.between(first, last + 1)
    )
    found: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    beyond: set[int] = set()
    for number, table, quarter in session.execute(query):
        found[number][table].add(quarter)
        if quarter > last:
            beyond.add(number)
    return {number: places for number, places in found.items() if number not in beyond}
