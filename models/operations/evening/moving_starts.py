"""Move parties of a closed book to another start of the same day, as far as tables are free."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.core.errors import Invalid
from models.entities.reservations import ReservationMove
from models.operations.deciding.change_decisions import own_quarters
from models.operations.deciding.seatings import moment
from models.operations.reservations.staff_changes import change_by_staff
from models.queries.deciding.boards import load_boards
from models.queries.deciding.covers import planned_stay
from models.queries.deciding.parties import PartyRow, ask_of
from models.rules.deciding.board import Ask, Board
from models.rules.deciding.offers import offers
from models.rules.messages.notifying import CHANGED_REASON
from models.rules.reservations.requests import TableChange
from models.rules.restaurant.policies import bookable_quarters
from models.rules.restaurant.restaurant import RestaurantSpec, split_book_id
from models.rules.restaurant.sittings import quarter_of, sittings_on

#: Without other words of the host no party is moved further.
NEAR: Final = timedelta(hours=2)


def move_to_other_starts(
    session: Session,
    restaurant: RestaurantSpec,
    parties: Sequence[PartyRow],
    *,
    within: timedelta,
    message: str,
    notify: bool,
    now: datetime,
    actor: str,
) -> dict[int, datetime]:
    """Give each confirmed party the start of its day that is nearest to its own.

    Of the starts that a guest could book now, in any shift, at most `within` from its own, and in
    the area that it asked for. Each is decided like a change by the staff, with `message`.
    The books of these days are locked by the caller. Return reservation -> its new start.
    """
    found: dict[int, datetime] = {}
    for row in parties:
        start = _nearest(session, restaurant, row, within=within, now=now)
        if start is None:
            continue
        change = TableChange(starts_at=start)
        try:
            change_by_staff(session, row.id, change=change, now=now, actor=actor, notify=notify)
        except Invalid:  # its area is gone, or no such party may be booked any more: it stays
            continue
        session.flush()
        _note(session, row.id, message)
        found[row.id] = start
    return found


def _nearest(
    session: Session, restaurant: RestaurantSpec, row: PartyRow, *, within: timedelta, now: datetime
) -> datetime | None:
    """Return the nearest start at which a table is free, as if the party's own were, too."""
    day = split_book_id(row.book_id)[1]
    books = {each.book_id: restaurant for each in sittings_on(restaurant, day)}
    own = own_quarters(session, row)[1]
    free: set[int] = set()
    boards = load_boards(session, books, now=now)
    if restaurant.covers is not None:
        _lift_covers(boards.values(), row)
    for board in boards.values():
        for table, quarter in own:
            board.floor.release((table,), board.floor.mask(quarter, 1))
        free.update(offers(board, _ask(row)))
    first, last = bookable_quarters(restaurant, now=now, online=True)
    start, reach = quarter_of(row.starts_at), within // timedelta(minutes=15)
    near = [each for each in free if first <= each <= last and 0 < abs(each - start) <= reach]
    best = min(near, key=lambda each: (abs(each - start), each), default=None)
    return None if best is None else moment(best)


def _lift_covers(boards: Iterable[Board], row: PartyRow) -> None:
    """Take the covers of the party off the floor; all boards share it."""
    for board in list(boards)[:1]:
        stay = planned_stay(board.restaurant, row)
        board.floor.count(stay.start, len(stay), -row.party_size)


def _ask(row: PartyRow) -> Ask:
    """Return the party's request as one that the staff decide for it."""
    own = replace(ask_of(row), online=False, waitlist=False, by_staff=True)
    return replace(own, walk_in=False, counted_online=row.source == "online")


def _note(session: Session, number: int, message: str) -> None:
    """Keep the host's words with the change, whose message they stand in."""
    row = ReservationMove
    if not message:
        return
    last = select(row.id).where(row.reservation_id == number, row.reason == CHANGED_REASON)
    latest = session.scalar(last.order_by(row.id.desc()).limit(1))
    noted = update(row).where(row.id == latest).values(detail={"message": message})
    session.execute(noted.execution_options(synchronize_session=False))
