"""Proposals for a booking by the staff: free tables, joined by hand where none is large enough."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from models.core.errors import Invalid
from models.queries.deciding.boards import load_boards, load_later
from models.rules.deciding.board import Ask
from models.rules.deciding.joining import join_by_hand
from models.rules.deciding.seating import Seats
from models.rules.restaurant.policies import no_sitting
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import find_sitting, quarter_of

_MOST = 5


@dataclass(frozen=True, slots=True)
class ProposedTables:
    """Tables that are free for the whole turn. `by_hand`: no combination of the file joins them."""

    tables: Seats
    by_hand: bool = False


def proposals(
    session: Session,
    restaurant: RestaurantSpec,
    *,
    party_size: int,
    starts_at: datetime,
    area_key: str | None,
    turn_minutes: int | None,
    now: datetime,
) -> list[ProposedTables]:
    """Return tables for such a party of the staff, the best first; none if too few are free.

    Where covers are counted there are none. Two queries. Raises Invalid for an unknown area, and
    for a start that no shift offers.
    """
    area = restaurant.area_by_key.get(area_key or "")
    if area_key and area is None:
        raise Invalid.field("area", "is not an area of this restaurant")
    sitting = find_sitting(restaurant, starts_at)
    if sitting is None:
        raise Invalid.field("start", no_sitting(restaurant, starts_at))
    if restaurant.covers is not None:
        return []
    board = load_boards(session, {sitting.book_id: restaurant}, now=now)[sitting.book_id]
    ask = Ask(
        party_size,
        quarter_of(starts_at),
        area.id if area else None,
        online=False,
        turn_minutes=turn_minutes,
    )
    load_later(session, board, ask, now=now)

    def is_free(seats: Seats) -> bool:
        mask = board.floor.mask(ask.quarter, board.held(ask, seats))
        return board.floor.first_free([seats], mask) is not None

    found = [ProposedTables(seats) for seats in board.wanted(ask) if is_free(seats)]
    if not found:
        free = [
            table
            for table in restaurant.tables
            if (area is None or table.area_id == area.id) and is_free((table.id,))
        ]
        found = [ProposedTables(seats, by_hand=True) for seats in join_by_hand(free, party_size)]
    return found[:_MOST]
