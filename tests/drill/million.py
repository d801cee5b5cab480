"""The past decisions of years of operation, written fast by copying one restaurant's evening."""

from collections.abc import Mapping
from typing import Final, cast

from sqlalchemy import Connection, Engine, Table, text

from models.core import clock
from models.core.database.transactions import unit
from models.core.secrets.signing import contact_key
from models.entities import Assignment, Message, Reservation, ReservationMove, TableOccupancy
from models.entities.sealed_guest import Guest, seal_guest
from models.entities.shifts import ShiftDay
from models.operations.deciding.allocation import decide_waiting
from models.rules.restaurant.restaurant import BOOKS_PER_SHIFT, RestaurantSpec
from tests.bench import restaurants as made

#: Reservations and tables of one restaurant.
EACH: Final = 2_000
TABLES: Final = 30
_DAYS: Final = 30
_LANES: Final = 4
_ROWS_AT_ONCE: Final = 5_000
#: Restaurants whose rows are copied in one transaction.
_AT_ONCE: Final = 10


def fill(bind: Engine, rows: int) -> list[RestaurantSpec]:
    """Write about that many decided reservations with messages; return the restaurants.

    Each restaurant has EACH reservations. Those of the first are requested, encrypted and decided
    by the product's code. The others are copies of its rows, each with its own encrypted guest.
    """
    restaurants = made.make_restaurants(
        bind, max(1, round(rows / EACH)), each=TABLES, prefix="million"
    )
    made.fill(bind, made.wishes(restaurants[:1], days=_DAYS, label="million"), EACH)
    for lane in range(_LANES):
        while unit(
            lambda session, lane=lane: decide_waiting(  # type: ignore[misc]
                session, lane, now=clock.now(), limit=1000
            )
        ).more:
            pass
    with bind.begin() as connection:
        connection.execute(
            text(
                "UPDATE messages SET state='sent', sent_at=due_at, claim='drill', attempts=1 "
                "WHERE due_at <= UTC_TIMESTAMP(6)"
            )
        )
    for first in range(1, len(restaurants), _AT_ONCE):
        end = min(first + _AT_ONCE, len(restaurants))
        with bind.begin() as connection:
            _copy(connection, restaurants, first, end)
        with bind.begin() as connection:
            _seal(connection, restaurants[first].id, restaurants[end - 1].id)
    with bind.begin() as connection:
        connection.execute(text("ANALYZE TABLE reservations, messages, table_occupancy"))
    return restaurants


def _copy(connection: Connection, restaurants: list[RestaurantSpec], first: int, end: int) -> None:
    """Copy the rows of the first restaurant for each of `restaurants[first:end]`."""
    low, high = connection.execute(
        text("SELECT MIN(id), MAX(id) FROM reservations WHERE restaurant_id = :id"),
        {"id": restaurants[0].id},
    ).one()
    # restaurants are made one after another, so their ids are the first one's plus a constant
    steps = {
        "reservation_id": high - low + 1,
        "restaurant_id": restaurants[1].id - restaurants[0].id,
        "shift_id": restaurants[1].shifts[0].id - restaurants[0].shifts[0].id,
        "area_id": 2,
        "dining_table_id": TABLES,
    }
    steps["book_id"] = steps["shift_id"] * BOOKS_PER_SHIFT
    reference = "CONCAT('M', LPAD(CONV(t.id + s.seq * :reservation_id, 10, 36), 9, '0'))"
    copies: Mapping[type, tuple[str, dict[str, str]]] = {
        Reservation: ("id", {"id": _moved("id", "reservation_id"), "reference": reference}),
        ShiftDay: ("restaurant_id", {"id": _moved("id", "book_id")}),
        ReservationMove: ("reservation_id", {"id": "NULL"}),
        Assignment: ("reservation_id", {}),
        TableOccupancy: ("reservation_id", {}),
        Message: ("reservation_id", {"id": "NULL"}),
    }
    for entity, (by, special) in copies.items():
        table = cast("Table", entity.__table__)  # type: ignore[attr-defined]
        columns = [column.name for column in table.columns]
        values = [
            special.get(name) or (_moved(name, name) if name in steps else f"t.`{name}`")
            for name in columns
        ]
        span = (restaurants[0].id, restaurants[0].id) if by == "restaurant_id" else (low, high)
        listed = ", ".join(f"`{name}`" for name in columns)
        connection.execute(
            text(
                f"INSERT INTO {table.name} ({listed}) SELECT {', '.join(values)} "
                f"FROM seq_{first}_to_{end - 1} s STRAIGHT_JOIN {table.name} t "
                f"WHERE t.`{by}` BETWEEN :low AND :high"
            ),
            {**steps, "low": span[0], "high": span[1]},
        )


def _seal(connection: Connection, first: int, last: int) -> None:
    """Encrypt the guests of the restaurants `first` to `last`, with their contact keys."""
    connection.exec_driver_sql(
        "CREATE TEMPORARY TABLE who (id BIGINT PRIMARY KEY, sealed BLOB, email VARBINARY(16), "
        "phone VARBINARY(16))"
    )
    rows = connection.execute(
        text("SELECT id, reference FROM reservations WHERE restaurant_id BETWEEN :first AND :last"),
        {"first": first, "last": last},
    )
    people = [_person(number, reference) for number, reference in rows]
    for start in range(0, len(people), _ROWS_AT_ONCE):
        some = people[start : start + _ROWS_AT_ONCE]
        # the driver joins these into one statement
        connection.exec_driver_sql("INSERT INTO who VALUES (%s, %s, %s, %s)", some)
    connection.exec_driver_sql(
        "UPDATE reservations r JOIN who w ON w.id = r.id "
        "SET r.guest_sealed = w.sealed, r.email_key = w.email, r.phone_key = w.phone"
    )
    connection.exec_driver_sql("DROP TEMPORARY TABLE who")


def _person(number: int, reference: str) -> tuple[object, ...]:
    email, phone = f"million{number}@example.com", f"+4930{number:08d}"
    sealed = seal_guest(Guest(f"Guest {number}", email, phone), reference=reference)
    return number, sealed, contact_key(email), contact_key(phone)


def _moved(column: str, by: str) -> str:
    return f"t.`{column}` + s.seq * :{by}"
