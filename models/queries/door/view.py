"""The list at the door as the host sees it, and one party's place as its guest does."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from models.queries.door.accuracy import Accuracy, accuracy
from models.queries.door.waiting import RECENT, InLine, newcomers, read_line
from models.queries.evening.limits import limits_within
from models.rules.door.hours import Shut, Tonight, shut_for, tonight
from models.rules.door.quotes import Quote
from models.rules.evening.limits import UNLIMITED
from models.rules.restaurant.covers import largest_party
from models.rules.restaurant.restaurant import RestaurantSpec

#: Waits are shown for parties up to this size.
SIZES_MOST = 12


@dataclass(frozen=True, slots=True)
class DoorView:
    """The list. `shut`: why guests cannot join. `waits`: party size -> its wait if it joined."""

    now: datetime
    shut: Shut | None
    line: tuple[InLine, ...] = field(repr=False)
    waits: dict[int, Quote | None]
    accuracy: Accuracy


def door_view(session: Session, restaurant: RestaurantSpec, *, now: datetime) -> DoorView:
    """Return the list with the floor as it stands. Nine queries, however long it is."""
    there = tonight(restaurant, now)
    line = read_line(session, restaurant, there, now=now)
    sizes = _sizes(restaurant)
    waits: list[Quote | None] = [None] * len(sizes)
    if there is not None:
        parties = [(size, None) for size in sizes]
        waits = newcomers(session, restaurant, there, line, parties, now=now)
    return DoorView(
        now=now,
        shut=_shut(session, restaurant, there, size=sizes[0], waiting=len(line)),
        line=tuple(line),
        waits=dict(zip(sizes, waits, strict=True)),
        accuracy=accuracy(session, restaurant.id, since=now - RECENT, until=now),
    )


def _shut(
    session: Session,
    restaurant: RestaurantSpec,
    there: Tonight | None,
    *,
    size: int,
    waiting: int,
) -> Shut | None:
    limits = limits_within(session, there.sitting.book_id) if there else UNLIMITED
    return shut_for(
        restaurant, there, party_size=size, waiting=waiting, by_staff=False, limits=limits
    )


def _sizes(restaurant: RestaurantSpec) -> list[int]:
    """The party sizes that a table seats, or that fit, from the smallest."""
    if restaurant.covers is not None:
        return list(range(1, min(SIZES_MOST, largest_party(restaurant) or 1) + 1))
    spans = [
        *((table.min_party, table.max_party) for table in restaurant.tables),
        *((joined.min_party, joined.max_party) for joined in restaurant.combinations),
    ]
    return [
        size
        for size in range(1, SIZES_MOST + 1)
        if any(least <= size <= most for least, most in spans)
    ] or [1]
