"""Check that no quarter-hour has more covers in a restaurant than it allows.

What the staff forced is left out, and what was decided by an older file: all parties counted when
any other was decided, so these alone never exceed the number.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import Reservation
from models.integrity.finding import CheckedRestaurant, Files, Finding
from models.queries.deciding.covers import planned_stay
from models.rules.reservations.lifecycle import HOLDING
from models.rules.restaurant.covers import most_covers
from models.rules.restaurant.restaurant import (
    QUARTER_SECONDS,
    RestaurantSpec,
    split_book_id,
)

_HOLDING = sorted(status.value for status in HOLDING)


def covers_at_once(session: Session, files: Files) -> Iterator[Finding]:
    """Check every quarter in which parties are here or expected. One query a restaurant."""
    for checked in files.restaurants.values():
        if checked.restaurant.covers is not None:
            yield from _counted(session, checked)


def _counted(session: Session, checked: CheckedRestaurant) -> Iterator[Finding]:
    restaurant = checked.restaurant
    there: Counter[int] = Counter()
    parties: dict[int, list[int]] = defaultdict(list)
    most: dict[int, int] = defaultdict(int)
    for row in _parties(session, restaurant):
        if not checked.holds_for(row.decided_at):
            continue
        for quarter in planned_stay(restaurant, row):
            there[quarter] += row.party_size
            parties[quarter].append(row.id)
            most[quarter] = max(most[quarter], _most(restaurant, row.book_id))
    for quarter, covers in sorted(there.items()):
        if covers > most[quarter]:
            at = datetime.fromtimestamp(quarter * QUARTER_SECONDS, UTC)
            text = f"{checked.slug}, {at.isoformat(timespec='minutes')}: {covers} covers in the"
            text += f" restaurant, {most[quarter]} allowed"
            yield Finding("covers", tuple(parties[quarter]), text)


def _parties(session: Session, restaurant: RestaurantSpec) -> list[Row[*tuple[Any, ...]]]:
    row = table_of(Reservation).c
    query = select(
        row.id,
        row.book_id,
        row.status,
        row.party_size,
        row.starts_at,
        row.ends_at,
        row.seated_at,
        row.decided_at,
    ).where(
        row.restaurant_id == restaurant.id,
        row.status.in_(_HOLDING),
        row.pacing_forced.is_(False),
    )
    return list(session.execute(query.order_by(row.id)).all())


def _most(restaurant: RestaurantSpec, book: int) -> int:
    return most_covers(restaurant, restaurant.shift_by_id.get(split_book_id(book)[0])) or 0
