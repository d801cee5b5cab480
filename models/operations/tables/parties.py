"""The parties of an act: locked, as they are now, and the quarters that each needs."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.core.errors import Busy, NotFound, StateConflict
from models.entities.reservations import Assignment, Reservation, TableOccupancy
from models.operations.deciding.books import lock_books
from models.operations.deciding.occupancy import last_held, tables_of
from models.operations.deciding.seatings import moment
from models.operations.tables.plans import Wish
from models.rules.deciding.seating import Seats
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.verbs import Verb, refusal
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import quarter_of

#: How far beyond the turns concerned the books of other parties are locked.
_AROUND = 32
_AGAIN = 3


def lock_parties(
    session: Session, numbers: Collection[int], tables: Seats, *, now: datetime
) -> list[Reservation]:
    """Lock the books of these reservations and of the parties near them; return the reservations.

    `tables`: those that the act is about, beside the parties' own. Raises NotFound.
    """
    locked: set[int] = set()
    for _ in range(_AGAIN):
        books = _books(session, numbers, tables, now=now)
        if books.keys() <= locked:
            break
        lock_books(session, books)
        locked |= books.keys()
    else:
        raise Busy("the reservation is being changed; try again in a moment")
    return [session.get_one(Reservation, each, populate_existing=True) for each in numbers]


def _books(
    session: Session, numbers: Collection[int], tables: Seats, *, now: datetime
) -> dict[int, int]:
    """Return the books (-> restaurant id) of the reservations, and of parties at the tables."""
    row = Reservation
    columns = row.id, row.book_id, row.restaurant_id, row.starts_at, row.ends_at
    own = session.execute(select(*columns).where(row.id.in_(numbers))).all()
    if len(own) < len(set(numbers)):
        raise NotFound("there is no such reservation")
    books = {each.book_id: each.restaurant_id for each in own}
    own_tables = select(Assignment.dining_table_id).where(Assignment.reservation_id.in_(numbers))
    given = session.scalars(own_tables).all()
    first = quarter_of(min(now, *(each.starts_at for each in own)))
    last = quarter_of(max(now, *(each.ends_at for each in own)))
    near = _near(tables, given, first=first, last=last + _AROUND)
    return books | {each.book_id: each.restaurant_id for each in session.execute(near)}


def _near(tables: Seats, given: Collection[int], *, first: int, last: int) -> Select[int, int]:
    row, held = Reservation, TableOccupancy
    query = select(row.book_id, row.restaurant_id).join(held, held.reservation_id == row.id)
    at = held.dining_table_id.in_({*tables, *given})
    return query.where(at, held.quarter_hour.between(first, last)).distinct()


def check_holding(row: Reservation, *, now: datetime) -> None:
    """Raise StateConflict unless the party has tables, or has sat down at them."""
    if said := refusal(Verb.ASSIGN, row, now=now):
        raise StateConflict(said)


def wish_of(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    seats: Seats | None = None,
    *,
    now: datetime,
    ends_at: datetime | None = None,
) -> Wish:
    """Return what the party needs to have `seats` (None: its own tables) from now on.

    `ends_at`: another end of its turn. A seated party needs its tables to the end of this quarter
    at least; one that has not come in its whole turn needs none.
    """
    given = tables_of(session, row.id)
    end = end_of(row, now=now) if ends_at is None else ends_at
    first = quarter_of(now if row.status == Status.SEATED else max(now, row.starts_at))
    last = last_held(restaurant, row, end)
    return Wish(row, given, given if seats is None else seats, first, max(last, first - 1))


def end_of(row: Reservation, *, now: datetime) -> datetime:
    """Return the end of the turn; of a party that overstays, the end of this quarter."""
    if row.status != Status.SEATED:
        return row.ends_at
    return max(row.ends_at, moment(quarter_of(now) + 1))
