"""A party that takes a whole area: all its tables, so that nobody else is given one then."""

from collections.abc import Collection

from sqlalchemy.orm import Session

from models.core.errors import Invalid, TableTaken, sentence
from models.entities.reservations import Reservation
from models.operations.deciding.occupancy import holders
from models.operations.tables.plans import in_the_way, rows_by_id
from models.rules.deciding.seating import Seats
from models.rules.reservations.lifecycle import HERE
from models.rules.reservations.requests import TableRequest
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import find_sitting, quarter_of
from models.rules.restaurant.turn_times import buffer_minutes, in_quarters, turn_in


def tables_of_area(restaurant: RestaurantSpec, area_key: str) -> Seats:
    """Return the tables of the area. Raises Invalid for one that the restaurant does not have."""
    area = restaurant.area_by_key.get(area_key)
    if area is None:
        raise Invalid.field("area", sentence("no_such_area", "is not an area of this restaurant"))
    if restaurant.covers is not None:
        words = "has no tables: this restaurant counts covers"
        raise Invalid.field("area", sentence("area_without_tables", words))
    return tuple(table.id for table in restaurant.tables if table.area_id == area.id)


def refuse_if_others_come(
    session: Session, restaurant: RestaurantSpec, tables: Seats, request: TableRequest
) -> None:
    """Raise TableTaken, which names the parties that have one of these tables in its turn.

    For the answer alone: the decision checks the tables again, under the lock.
    """
    sitting = find_sitting(restaurant, request.starts_at)
    if sitting is None:
        return
    areas = {restaurant.table_by_id[table].area_id for table in tables}
    usual = turn_in(restaurant, sitting.shift, areas, party_size=request.party_size)
    minutes = (request.turn_minutes or usual) + buffer_minutes(restaurant.policies, sitting.shift)
    first = quarter_of(request.starts_at)
    held, _ = holders(session, tables, first=first, last=first + in_quarters(minutes) - 1)
    if held:
        _refuse(session, restaurant, held.items())


def _refuse(
    session: Session,
    restaurant: RestaurantSpec,
    held: Collection[tuple[tuple[int, int], int]],
) -> None:
    places: dict[int, dict[int, set[int]]] = {}
    for (table, quarter), party in held:
        places.setdefault(party, {}).setdefault(table, set()).add(quarter)
    rows = rows_by_id(session, places).values()
    named = tuple(in_the_way(restaurant, row, places, _why(row)) for row in rows)
    names = ", ".join(each.reference for each in named)
    raise TableTaken(f"others have tables there: {names}", parties=named)


def _why(row: Reservation) -> str:
    if row.status in HERE:
        return row.status
    return "locked" if row.tables_locked else "comes"
