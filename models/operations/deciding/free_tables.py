"""Find free tables for one party outside a round: as they are, or when others move for it."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from models.queries.deciding.movable import load_movable
from models.queries.running.flags import is_on
from models.rules.deciding.board import Ask, Board
from models.rules.deciding.reseating import CHAIN, Room, Search, make_room
from models.rules.flags import Flag


def find_tables(
    session: Session,
    board: Board,
    ask: Ask,
    mask: int,
    *,
    now: datetime,
    without: Collection[int] = (),
) -> Room:
    """Return tables free in `mask`, or such as become free when parties not yet here move.

    Parties in `without` are never moved. `Room.seats` is empty if there are none. The parties that
    may move are loaded once a board, and only where re-seating is on. The board is not changed.
    """
    wanted = board.wanted(ask)
    seats = board.floor.first_free(wanted, mask)
    if seats is not None:
        return Room(Search.CHAIN, 0, seats)
    if board.may_move is None:
        restaurant = board.restaurant.id
        board.may_move = is_on(Flag.RE_SEATING, restaurant_id=restaurant, key=restaurant)
        if board.may_move:
            load_movable(session, board, now=now, without=without)
    others = board.movable.values()
    return make_room(board.floor.taken, others, wanted, mask, longest=CHAIN, is_exact=False)
