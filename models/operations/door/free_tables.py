"""The tables that are free for a party at the door, and those held for one that was called."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.database.bulk import bulk_insert
from models.core.database.transactions import table_of
from models.core.errors import TableTaken, sentence
from models.entities.door import DoorEntry
from models.entities.reservations import Reservation, SeatedTable, TableOccupancy
from models.operations.deciding.books import free_books
from models.operations.deciding.covers import first_full
from models.operations.deciding.occupancy import REACH, holders, last_held
from models.operations.deciding.seatings import Seating, moment
from models.operations.deciding.verdicts import release_tables
from models.queries.door.waiting import seats_for
from models.rules.deciding.at_the_door import SHORTEST_TURN
from models.rules.deciding.seating import Seats
from models.rules.door.hours import ready_until
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import local, quarter_of

NO_TABLE = sentence("no_table_now", "no table for this party is free now: name the tables")
NO_ROOM = sentence("no_room_now", "there is no room for this party now")


def free_seats(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    *,
    besides: Collection[int] = (),
    now: datetime,
    wait: timedelta = timedelta(0),
) -> Seats | None:
    """Return the best tables that are free for the party from now on; None if there are none.

    They are free for its whole turn, which begins within `wait`. Where covers are counted,
    there is room for the party.
    """
    last = last_held(restaurant, row, _turn_end(row, now=now, wait=wait))
    if first_full(session, restaurant, row, first=quarter_of(now), last=last, now=now) is not None:
        return None
    suitable = seats_for(restaurant, row.party_size, row.area_id)
    every = tuple(sorted({table for seats in suitable for table in seats}))
    taken = taken_from_now(session, restaurant, row, every, now=now, wait=wait) | set(besides)
    return next((seats for seats in suitable if taken.isdisjoint(seats)), None)


def no_table_words(restaurant: RestaurantSpec) -> str:
    """Return what the host is told when `free_seats` finds none."""
    return NO_TABLE if restaurant.covers is None else NO_ROOM


def _turn_end(row: Reservation, *, now: datetime, wait: timedelta) -> datetime:
    return moment(quarter_of(now + wait)) + (row.ends_at - row.starts_at)


def taken_from_now(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    tables: Seats,
    *,
    now: datetime,
    wait: timedelta,
) -> set[int]:
    """Return those of the tables that are held within the party's turn, or where a party sits.

    The turn begins within `wait`. Blocked tables are held, too.
    """
    first = quarter_of(now)
    end = _turn_end(row, now=now, wait=wait)
    held, blocked = holders(session, tables, first=first, last=last_held(restaurant, row, end))
    sits = select(SeatedTable.dining_table_id).where(
        SeatedTable.restaurant_id == restaurant.id, SeatedTable.dining_table_id.in_(tables)
    )
    return {table for table, _ in (*held, *blocked)} | set(session.scalars(sits))


def next_taken(
    session: Session, row: Reservation, tables: Seats, *, first: int, last: int
) -> int | None:
    """Return the first of these quarters in which the tables are blocked, or meant for others.

    A party that sits there may be leaving just now, and does not count. None: there is no such.
    """
    held, blocked = holders(session, tables, first=first, last=last, party=row.id)
    query = select(Reservation.id).where(
        Reservation.id.in_(set(held.values())), Reservation.status == Status.SEATED
    )
    leaving = {row.id, *session.scalars(query)} if held else {row.id}
    theirs = [quarter for (_, quarter), party in held.items() if party not in leaving]
    return min([*theirs, *(quarter for _, quarter in blocked)], default=None)


def refuse_unseatable(
    session: Session, restaurant: RestaurantSpec, row: Reservation, tables: Seats, *, now: datetime
) -> None:
    """Raise TableTaken if a party that comes at its last minute had no half an hour there."""
    until = moment(quarter_of(ready_until(restaurant, now)) + SHORTEST_TURN)
    last = last_held(restaurant, row, until)
    begins = next_taken(session, row, tables, first=quarter_of(now), last=last)
    if begins is not None:
        at = local(restaurant, begins)
        words = "from {time} on another party has a table of these: move it first"
        raise TableTaken(sentence("taken_from", words, time=f"{at:%H:%M}"))


def hold_called(
    session: Session, restaurant: RestaurantSpec, row: Reservation, seats: Seats, *, now: datetime
) -> None:
    """Hold the tables for the called party for its whole turn, or to the next party's beginning.

    Nobody else is given them while it comes. Quarters of a party that sits there are left to it: it
    may be leaving just now.
    """
    until = ready_until(restaurant, now)
    first, end = quarter_of(now), moment(quarter_of(until)) + (row.ends_at - row.starts_at)
    last = last_held(restaurant, row, end)
    begins = next_taken(session, row, seats, first=first, last=last)
    last = last if begins is None else begins - 1
    held, blocked = holders(session, seats, first=first, last=last)
    taken = held.keys() | blocked
    whole = Seating(row.restaurant_id, row.id, seats, first, last - first + 1).quarters()
    rows = [each for each in whole if (each["dining_table_id"], each["quarter_hour"]) not in taken]
    bulk_insert(session, table_of(TableOccupancy), rows)


def uncall(session: Session, row: Reservation, entry: DoorEntry, *, now: datetime) -> None:
    """Take the call back, if there is one: the tables are free again."""
    if entry.ready_at is not None and entry.ready_until is not None:
        first, tables = quarter_of(entry.ready_at), tuple(entry.ready_tables or ())
        release_tables(session, row.id, tables, first=first, last=first + REACH)
        free_books(session, {row.book_id: row.restaurant_id}, now=now)
    entry.ready_at = entry.ready_until = entry.ready_tables = None
