"""Change a party on the list at the door: its size or area. Its place stays."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models.core.errors import Invalid, sentence
from models.entities.reservations import Reservation
from models.operations.deciding.books import touch_books
from models.operations.door.free_tables import uncall
from models.operations.door.joining import entry_of
from models.operations.reservations.history import write_move
from models.queries.door.waiting import seats_for
from models.queries.floor.load import restaurant_by_id
from models.rules.door.hours import SHUT_WORDS, Shut
from models.rules.messages.notifying import RESIZED_REASON
from models.rules.reservations.lifecycle import DOOR, Status
from models.rules.reservations.requests import TableChange
from models.rules.restaurant.policies import area_problem
from models.rules.restaurant.restaurant import RestaurantSpec, split_book_id
from models.rules.restaurant.turn_times import turn_minutes


def waits_at_door(row: Reservation) -> bool:
    """Return whether the party is on the list at the door."""
    return row.source == DOOR and row.status == Status.WAITLISTED


def change_at_door(
    session: Session, row: Reservation, *, change: TableChange, now: datetime, actor: str
) -> bool:
    """Change a locked party that waits at the door; return False if nothing changes.

    A call is taken back: its tables suited another party. Raises Invalid (field named).
    """
    restaurant = restaurant_by_id(session, row.restaurant_id)
    if change.starts_at is not None:
        raise Invalid.field(
            "start", sentence("door_no_start", "is not to be changed: the party waits at the door")
        )
    size = change.party_size or row.party_size
    area_id = row.area_id if change.area_key is None else _area(restaurant, change.area_key)
    if (size, area_id) == (row.party_size, row.area_id):
        return False
    if not seats_for(restaurant, size, area_id):
        field = "party_size" if size != row.party_size else "area"
        raise Invalid.field(field, SHUT_WORDS[Shut.PARTY_TOO_LARGE])
    uncall(session, row, entry_of(session, row), now=now)
    detail = {"party_size": [row.party_size, size]}
    row.party_size, row.area_id = size, area_id
    row.ends_at = row.starts_at + timedelta(minutes=_turn(restaurant, row))
    write_move(
        session, row, Status.WAITLISTED, now=now, actor=actor, reason=RESIZED_REASON, detail=detail
    )
    touch_books(session, {row.book_id: row.restaurant_id})
    return True


def _area(restaurant: RestaurantSpec, key: str) -> int | None:
    """Return the area's id; None for any area. Raises Invalid."""
    if problem := area_problem(restaurant, key or None, online=False):
        raise Invalid.field("area", problem)
    return restaurant.area_by_key[key].id if key else None


def _turn(restaurant: RestaurantSpec, row: Reservation) -> int:
    shift = restaurant.shift_by_id.get(split_book_id(row.book_id)[0])
    if shift is None:
        return int((row.ends_at - row.starts_at).total_seconds() // 60)
    return turn_minutes(restaurant.policies, shift, party_size=row.party_size)
