"""Re-anchoring: move parties back to the notified wall time after new zone rules moved them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from models.entities.reservations import Reservation
from models.operations.deciding.books import free_books, lock_books
from models.operations.wall_times.rows import Plan, write_moved
from models.operations.wall_times.tables import WallTimePlace, find_places
from models.queries.deciding.standing import Upcoming, upcoming
from models.queries.floor.load import restaurant_by_id
from models.rules.deciding.seating import Seats
from models.rules.messages.wall_clock import instant_of, offset_of, shows
from models.rules.reservations.lifecycle import OPEN, Status
from models.rules.restaurant.restaurant import RestaurantSpec, split_book_id
from models.rules.restaurant.sittings import find_sitting, quarter_of


@dataclass(frozen=True, slots=True)
class Reanchored:
    """A party that the zone rules moved, and the outcome. `why`: the reason it is left as is.

    `told` and `shown` are wall times. `seats`: the other tables that it gets; mostly none.
    """

    who: Upcoming
    told: datetime
    shown: datetime
    seats: Seats = ()
    why: str = ""


def nights_moved(session: Session, restaurant: RestaurantSpec, *, now: datetime) -> list[date]:
    """Return the service dates with an upcoming party whose wall time has moved. Four queries."""
    return sorted({_night(who) for who in _moved(session, restaurant, now=now)})


def reanchor(
    session: Session,
    restaurant_id: int,
    night: date,
    *,
    now: datetime,
    actor: str,
    dry_run: bool = False,
) -> list[Reanchored]:
    """Move the parties of one service date back to their notified wall time.

    Each keeps its tables if they are free then, and otherwise gets others; a party that finds none,
    or whose time does not exist any more, is left as it is and reported. Guests are not notified:
    the message that they have is true again. Takes the locks of the books that parties leave and
    enter, in order.
    """
    restaurant = restaurant_by_id(session, restaurant_id)
    before, _ = _plans(restaurant, _of_night(session, restaurant, night, now=now), now=now)
    books = {number: restaurant_id for each in before for number in _books(each)}
    if books:
        lock_books(session, books)
    restaurant = restaurant_by_id(session, restaurant_id)
    parties = _of_night(session, restaurant, night, now=now)
    plans, left = _plans(restaurant, parties, now=now)
    for each in plans:
        if not _books(each) <= books.keys():
            left[each.who.id] = "it has just changed: run this command again"
    plans = [each for each in plans if each.who.id not in left]
    places = find_places(
        session, restaurant, [(each.who, quarter_of(each.starts_at)) for each in plans]
    )
    left |= {number: place.why for number, place in places.items() if place.why}
    plans = [each for each in plans if each.who.id not in left]
    if plans and not dry_run:
        write_moved(session, restaurant, plans, places, now=now, actor=actor)
        free_books(session, books, now=now)
    return [_outcome(restaurant, who, places, left) for who in parties]


def accept_shown_times(session: Session, restaurant_id: int, night: date, *, now: datetime) -> int:
    """Accept the wall time now shown for the moved parties of that date; return how many.

    Their guests know the shown time, so it becomes the notified one. Takes the locks of their
    books, in order.
    """
    restaurant = restaurant_by_id(session, restaurant_id)
    books = {
        who.party.book_id: restaurant_id for who in _of_night(session, restaurant, night, now=now)
    }
    if not books:
        return 0
    lock_books(session, books)
    parties = _of_night(session, restaurant, night, now=now)
    parties = [who for who in parties if who.party.book_id in books]
    for who in parties:
        session.execute(
            update(Reservation)
            .where(Reservation.id == who.id)
            .values(told_offset=offset_of(restaurant, who.party.starts_at))
            .execution_options(synchronize_session=False)
        )
    return len(parties)


def _moved(session: Session, restaurant: RestaurantSpec, *, now: datetime) -> list[Upcoming]:
    return [
        who
        for who in upcoming(session, restaurant.id, now=now)
        if who.wish_id is None
        and who.party.status in OPEN
        and who.party.told is not None
        and shows(restaurant, who.party.starts_at) != who.party.told
    ]


def _night(who: Upcoming) -> date:
    return split_book_id(who.party.book_id)[1]


def _of_night(
    session: Session, restaurant: RestaurantSpec, night: date, *, now: datetime
) -> list[Upcoming]:
    return [who for who in _moved(session, restaurant, now=now) if _night(who) == night]


def _books(plan: Plan) -> set[int]:
    return {plan.who.party.book_id, plan.book_id}


def _plans(
    restaurant: RestaurantSpec, parties: Iterable[Upcoming], *, now: datetime
) -> tuple[list[Plan], dict[int, str]]:
    """Return the parties that can be moved back; for the others (by id) the reason why not."""
    plans: list[Plan] = []
    left: dict[int, str] = {}
    for who in parties:
        told, meant = who.party.told, who.party.starts_at
        starts_at = instant_of(restaurant, told, near=meant) if told else None
        sitting = find_sitting(restaurant, starts_at) if starts_at else None
        if who.party.status is Status.REQUESTED:
            left[who.id] = "its allocation lane must answer it first: run this command again"
        elif starts_at is None:
            left[who.id] = "that wall-clock time does not exist on that day"
        elif starts_at <= now:
            left[who.id] = "that time has passed"
        elif sitting is None:
            left[who.id] = "no shift has a start at that time"
        else:
            plans.append(Plan(who, starts_at, sitting.book_id))
    return plans, left


def _outcome(
    restaurant: RestaurantSpec,
    who: Upcoming,
    places: Mapping[int, WallTimePlace],
    left: Mapping[int, str],
) -> Reanchored:
    shown = shows(restaurant, who.party.starts_at)
    place = places.get(who.id)
    seats = place.seats if place and place.seats != place.own else ()
    return Reanchored(who, who.party.told or shown, shown, seats, left.get(who.id, ""))
