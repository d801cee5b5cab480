"""Availability: the starts that could be accepted now. An offer, not a promise."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import orjson
from sqlalchemy.orm import Session

from models.core.redis import signals
from models.queries.deciding.boards import load_boards
from models.queries.deciding.movable import load_movable
from models.queries.running.flags import is_on
from models.rules.deciding.board import Ask, Board
from models.rules.deciding.offers import full_starts, made_by_moving, offers
from models.rules.flags import Flag
from models.rules.restaurant.features import Wants
from models.rules.restaurant.policies import bookable_quarters
from models.rules.restaurant.restaurant import QUARTER_SECONDS, RestaurantSpec
from models.rules.restaurant.sittings import LAST_QUARTER, Sitting, book_quarters, sittings_on

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Slot:
    """An available start: its UTC quarter, and the key of its shift."""

    quarter: int
    shift_key: str

    @property
    def starts_at(self) -> datetime:
        """The start, in UTC."""
        return datetime.fromtimestamp(self.quarter * QUARTER_SECONDS, UTC)


def cached_availability(
    restaurant: RestaurantSpec,
    *,
    on_date: date,
    party_size: int,
    area_key: str | None = None,
    needs: tuple[str, ...] = (),
    now: datetime,
) -> list[Slot] | signals.Miss:
    """Return the slots from Redis, or what is needed to cache a fresh answer."""
    name = f"{restaurant.revision}:{on_date}:{party_size}:{area_key or ''}"
    name += f":{','.join(sorted(needs))}" if needs else ""
    if _shares_tables(restaurant, on_date):
        return signals.Miss(None, name)
    generation = signals.cache_generation(restaurant.id, on_date.isoformat())
    if generation is None:
        return signals.Miss(None, name)
    kept = signals.cache_get(generation, name)
    if kept is None:
        return signals.Miss(generation, name)
    return _bookable(restaurant, [Slot(*pair) for pair in orjson.loads(kept)], now=now)


def keep_availability(
    session: Session,
    restaurant: RestaurantSpec,
    miss: signals.Miss,
    *,
    on_date: date,
    party_size: int,
    area_key: str | None = None,
    needs: tuple[str, ...] = (),
    now: datetime,
) -> list[Slot]:
    """Return the starts of that date for such a party online, ascending, and cache them.

    They are cached under the generation read before the database was read (None: not at all). Two
    queries however full the restaurant is; two more for each book in which a start lacks only a
    table. Empty for an unknown area or a party size outside the online limits.
    """
    found = _all_slots(session, restaurant, on_date, party_size, area_key, needs, now)
    if miss.generation is not None:
        pairs = [(slot.quarter, slot.shift_key) for slot in found]
        signals.cache_put(miss.generation, miss.name, orjson.dumps(pairs))
    return _bookable(restaurant, found, now=now)


def _shares_tables(restaurant: RestaurantSpec, on_date: date) -> bool:
    """Return whether last turns reach from one date's books into the next date's first hours.

    A decision invalidates only its own date's cache, so such dates (very few restaurants have any)
    are not cached.
    """
    today = sittings_on(restaurant, on_date)
    if not today:
        return False
    return _reaches(restaurant, sittings_on(restaurant, on_date - _DAY), today) or _reaches(
        restaurant, today, sittings_on(restaurant, on_date + _DAY)
    )


def _reaches(restaurant: RestaurantSpec, eve: Iterable[Sitting], morrow: Iterable[Sitting]) -> bool:
    first = min((sitting.starts[0] for sitting in morrow), default=LAST_QUARTER)
    return any(book_quarters(restaurant, sitting)[1] >= first for sitting in eve)


def _all_slots(
    session: Session,
    restaurant: RestaurantSpec,
    on_date: date,
    party_size: int,
    area_key: str | None,
    needs: tuple[str, ...],
    now: datetime,
) -> list[Slot]:
    """Return the slots that tables and pacing allow, including those too near or too far."""
    policies = restaurant.policies
    if not policies.min_party_online <= party_size <= policies.max_party_online:
        return []
    area = restaurant.area_by_key.get(area_key) if area_key else None
    if area_key and area is None:
        return []
    sittings = sittings_on(restaurant, on_date)
    boards = load_boards(session, {sitting.book_id: restaurant for sitting in sittings}, now=now)
    found = []
    for board in boards.values():
        place = party_size, board.sitting.starts[0], area.id if area else None
        ask = Ask(*place, wants=Wants(needs))
        starts = offers(board, ask) + _by_moving(session, board, ask, now=now)
        found += [Slot(quarter, board.sitting.shift.key) for quarter in starts]
    return sorted(found, key=lambda slot: slot.quarter)


def _by_moving(session: Session, board: Board, ask: Ask, *, now: datetime) -> list[int]:
    """Return starts for which the decision would move other parties to free a table."""
    full = full_starts(board, ask)
    if not full or not is_on(
        Flag.RE_SEATING, restaurant_id=board.restaurant.id, key=board.restaurant.id
    ):
        return []
    load_movable(session, board, now=now, without=())
    return made_by_moving(board, ask, full)


def _bookable(restaurant: RestaurantSpec, slots: list[Slot], *, now: datetime) -> list[Slot]:
    first, last = bookable_quarters(restaurant, now=now, online=True)
    return [slot for slot in slots if first <= slot.quarter <= last]
