"""Plans of acts on tables, and the parties in them, as values."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.errors import PartyInTheWay
from models.entities.reservations import Reservation
from models.operations.reservations.history import labels_of
from models.rules.deciding.seating import Seats
from models.rules.restaurant.restaurant import RestaurantSpec


@dataclass(frozen=True, slots=True)
class Wish:
    """A party, the tables that it is to have, and the quarters, the last one inclusive.

    It holds nothing if `last` lies before `first`. `given`: the tables that it has now.
    """

    row: Reservation
    given: Seats
    seats: Seats
    first: int
    last: int

    @property
    def held(self) -> int:
        """The number of its quarters."""
        return max(0, self.last - self.first + 1)


@dataclass(frozen=True, slots=True)
class GivesWay:
    """A party that is re-seated for another, from the quarter `first` on."""

    reservation_id: int
    given: Seats
    seats: Seats
    first: int
    held: int


@dataclass(slots=True)
class TablePlan:
    """What an act needs. It can be carried out if nobody is in the way.

    `cuts`: parties whose turn ends earlier, before the act's first quarter there.
    """

    moves: list[GivesWay] = field(default_factory=list)
    cuts: dict[int, int] = field(default_factory=dict)
    in_the_way: list[PartyInTheWay] = field(default_factory=list)
    #: tables that are not available then, although no party has them
    blocked: Seats = ()


#: reservation id -> table id -> the quarters that it holds there
Places = Mapping[int, Mapping[int, set[int]]]


def rows_by_id(session: Session, numbers: Collection[int]) -> dict[int, Reservation]:
    """Return these reservations as they are under the lock."""
    if not numbers:
        return {}
    query = select(Reservation).where(Reservation.id.in_(sorted(numbers)))
    rows = session.scalars(query.execution_options(populate_existing=True))
    return {row.id: row for row in rows}


def in_the_way(
    restaurant: RestaurantSpec, row: Reservation, places: Places, why: str
) -> PartyInTheWay:
    """Return the party as it is named in a refusal."""
    tables = tuple(sorted(places.get(row.id, {})))
    about = row.status, row.party_size, row.starts_at, row.ends_at
    return PartyInTheWay(row.id, row.reference, *about, labels_of(restaurant, tables), why)
