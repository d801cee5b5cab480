"""The book of a full day, written at once, and the processor time of the pages that show it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import transaction
from models.core.secrets.signing import new_reference
from models.entities import Assignment, Message, Reservation, ReservationMove
from models.entities.parties import Details, PartyDetails, seal_details
from models.entities.sealed_guest import Guest
from models.queries.floor.load import restaurant_by_slug
from models.rules.restaurant.restaurant import QUARTER_SECONDS, RestaurantSpec
from models.rules.restaurant.sittings import Sitting, sittings_on
from tests.bench import restaurants as made
from tests.services.running.restaurant import open_restaurant

TABLES: Final = 80
_STATES: Final = (
    "confirmed",
    "finished",
    "seated",
    "arrived",
    "waitlisted",
    "cancelled",
    "no_show",
)
_TURN: Final = timedelta(minutes=90)


@dataclass(frozen=True, slots=True)
class FullDay:
    """A restaurant, and the date whose book is full."""

    restaurant: RestaurantSpec
    date: str


def fill_day(bind: Engine, parties: int, *, slug: str = "full") -> FullDay:
    """Write a restaurant of 80 tables, and a day of so many parties in every state.

    Each has a note, a table if its state has one, three messages and two steps of history; every
    fifth has details.
    """
    open_restaurant(bind, slug=slug, tables=made.tables(TABLES), policies=made.OPEN_PACE)
    with transaction(bind) as session:
        restaurant = restaurant_by_slug(session, slug)
        day = clock.now().astimezone(restaurant.tz).date()
        sitting = sittings_on(restaurant, day)[0]
        for number in range(parties):
            _write(session, restaurant, sitting, number)
    return FullDay(restaurant, day.isoformat())


def _write(session: Session, restaurant: RestaurantSpec, sitting: Sitting, number: int) -> None:
    quarter = sitting.starts[number % len(sitting.starts)]
    start = datetime.fromtimestamp(quarter * QUARTER_SECONDS, clock.now().tzinfo)
    state = _STATES[number // TABLES % len(_STATES)]
    row = Reservation(
        reference=new_reference(),
        restaurant_id=restaurant.id,
        book_id=sitting.book_id,
        status=state,
        party_size=number % 6 + 1,
        starts_at=start,
        ends_at=start + _TURN,
        created_at=start,
        arrived_at=start,
        notes_revision=1,
    )
    row.guest = Guest(
        f"Guest Number {number}", f"g{number}@example.com", f"+4930{number:07d}", "By the window"
    )
    session.add(row)
    session.flush()
    if state not in ("waitlisted", "cancelled"):
        table = restaurant.tables[number % TABLES].id
        session.add(Assignment(reservation_id=row.id, dining_table_id=table))
    session.add_all([*_messages(row), *_steps(row), *_details(row, number)])


def _messages(row: Reservation) -> Iterator[Message]:
    for kind, channel in (("confirmation", "email"), ("confirmation", "sms"), ("reminder", "sms")):
        yield Message(
            restaurant_id=row.restaurant_id,
            reservation_id=row.id,
            reservation_revision=1,
            kind=kind,
            channel=channel,
            state="sent",
            due_at=row.created_at,
            sent_at=row.created_at,
            created_at=row.created_at,
        )


def _steps(row: Reservation) -> Iterator[ReservationMove]:
    for number, status in enumerate(("requested", "confirmed")):
        yield ReservationMove(
            reservation_id=row.id,
            revision=number,
            at=row.created_at,
            before="requested",
            after=status,
            actor="guest",
            reason="decision",
        )


def _details(row: Reservation, number: int) -> Iterator[PartyDetails]:
    if number % 5:
        return
    details = Details("Nuts", "Birthday", vip=True, tags=("regular",))
    yield PartyDetails(
        reservation_id=row.id,
        restaurant_id=row.restaurant_id,
        vip=True,
        details_sealed=seal_details(details, reference=row.reference),
    )


def milliseconds(work: Callable[[], Any], *, times: int = 9) -> float:
    """Return the median of the processor time of one call."""
    spent = []
    for _ in range(times):
        began = time.process_time()
        work()
        spent.append((time.process_time() - began) * 1e3)
    return median(spent)
