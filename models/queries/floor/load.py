"""A restaurant as the rules use it, loaded once for each revision of its file."""

import logging
from collections.abc import Iterable
from time import monotonic

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.core.errors import NotFound, RestaurantUnreadable
from models.entities.floor import Area, Combination, CombinationTable, DiningTable, Restaurant
from models.entities.shifts import Closure, Shift
from models.queries.running.files import logo_of
from models.rules.restaurant.day_rules import (
    approvals_from,
    area_closures_from,
    date_pacing_from,
)
from models.rules.restaurant.features import features_from
from models.rules.restaurant.floor_place import place_from
from models.rules.restaurant.policy_storage import pacing_from, policies_from, turn_times_from
from models.rules.restaurant.restaurant import (
    AreaSpec,
    ClosureSpec,
    CombinationSpec,
    RestaurantSpec,
    ShiftSpec,
    TableSpec,
)

log = logging.getLogger(__name__)

#: Errors caused by invalid rows; the database's own errors are not among them.
INVALID_DATA = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
_CACHE_LIMIT = 2_000
RECENT_SECONDS = 2.0
#: An unreadable restaurant is tried again after this time.
RETRY_SECONDS = 60.0
# Built once: on the path of every request, building them costs more than running them.
_ROW = table_of(Restaurant).c
_NAMED = select(_ROW.id, _ROW.slug, _ROW.revision)
_BY_SLUG = _NAMED.where(_ROW.slug == bindparam("wanted"))
_BY_ID = _NAMED.where(_ROW.id == bindparam("wanted"))
_BY_IDS = _NAMED.where(_ROW.id.in_(bindparam("wanted", expanding=True)))
_cache: dict[tuple[str, int], RestaurantSpec] = {}
_recent: dict[str, tuple[float, RestaurantSpec]] = {}
_unreadable: dict[int, float] = {}


def forget_restaurants() -> None:
    """Empty the process's cache (for another database, in tests)."""
    _cache.clear()
    _recent.clear()
    _unreadable.clear()


def unreadable_restaurants() -> list[int]:
    """Return the restaurants that were recently unreadable: the others must not wait for them.

    Code that loads many restaurants together leaves these out, so that one bad row costs one failed
    round and not every other restaurant its evening. Never empty (it contains 0, which no
    restaurant has), for `NOT IN`.
    """
    since = monotonic() - RETRY_SECONDS
    return [0, *sorted(number for number, seen in _unreadable.items() if seen > since)]


def restaurant_by_slug(session: Session, slug: str) -> RestaurantSpec:
    """Return the restaurant of that slug. One query if its revision is cached. Raises NotFound."""
    restaurant = _restaurant(session, _BY_SLUG, slug)
    _recent[slug] = (monotonic(), restaurant)
    return restaurant


def cached_restaurant(slug: str) -> RestaurantSpec | None:
    """Return the restaurant if this process loaded it within the last two seconds: no query.

    For offers and requests, which promise nothing: the decision reads the restaurant again.
    """
    seen = _recent.get(slug)
    if seen is None or monotonic() - seen[0] > RECENT_SECONDS:
        return None
    return seen[1]


def restaurant_by_id(session: Session, restaurant_id: int) -> RestaurantSpec:
    """Return the restaurant of that id. Raises NotFound."""
    return _restaurant(session, _BY_ID, restaurant_id)


def read_restaurant(session: Session, restaurant_id: int) -> RestaurantSpec:
    """Return the restaurant as this transaction wrote it. Not cached: it may be rolled back."""
    return _load(session, restaurant_id)


def restaurants_by_id(session: Session, ids: Iterable[int]) -> dict[int, RestaurantSpec]:
    """Return several restaurants; one query for those whose revision is cached."""
    found = session.execute(_BY_IDS, {"wanted": sorted(set(ids))}).all()
    return {row.id: _cached(session, row.id, row.slug, row.revision) for row in found}


def fresh_restaurant(session: Session, restaurant_id: int) -> RestaurantSpec:
    """Return the restaurant from its rows, past the cache. Raises RestaurantUnreadable."""
    try:
        return _load(session, restaurant_id)
    except INVALID_DATA as error:
        raise RestaurantUnreadable(
            f"restaurant {restaurant_id} cannot be read: {type(error).__name__}",
            restaurant_id=restaurant_id,
        ) from error


def _restaurant(
    session: Session, query: Select[int, str, int], wanted: str | int
) -> RestaurantSpec:
    row = session.execute(query, {"wanted": wanted}).one_or_none()
    if row is None:
        raise NotFound("there is no such restaurant")
    return _cached(session, row.id, row.slug, row.revision)


def _cached(session: Session, restaurant_id: int, slug: str, revision: int) -> RestaurantSpec:
    # By both slug and id: in tests one process reads several databases.
    key = (f"{restaurant_id}:{slug}", revision)
    restaurant = _cache.get(key)
    if restaurant is None:
        restaurant = _readable(session, restaurant_id, slug)
        if len(_cache) >= _CACHE_LIMIT:
            forget_restaurants()
        _cache[(f"{restaurant_id}:{slug}", restaurant.revision)] = restaurant
    return restaurant


def _readable(session: Session, restaurant_id: int, slug: str) -> RestaurantSpec:
    try:
        return _load(session, restaurant_id)
    except INVALID_DATA as error:
        _unreadable[restaurant_id] = monotonic()
        log.exception("restaurant cannot be read", extra={"restaurant": slug})
        raise RestaurantUnreadable(
            f"restaurant {slug} cannot be read: {type(error).__name__}",
            restaurant_id=restaurant_id,
        ) from error


def _load(session: Session, restaurant_id: int) -> RestaurantSpec:
    row = session.get_one(Restaurant, restaurant_id, populate_existing=True)
    return RestaurantSpec(
        id=row.id,
        slug=row.slug,
        name=row.name,
        zone=row.zone,
        locale=row.locale,
        revision=row.revision,
        email=row.email,
        phone=row.phone,
        address=row.address,
        covers=row.covers,
        policies=policies_from(row.policies),
        date_pacing=date_pacing_from((row.day_rules or {}).get("pacing", ())),
        area_closures=area_closures_from((row.day_rules or {}).get("area_closures", ())),
        approvals=approvals_from((row.day_rules or {}).get("approvals", ())),
        features=features_from((row.day_rules or {}).get("features", ())),
        areas=_areas(session, restaurant_id),
        tables=_tables(session, restaurant_id),
        combinations=_combinations(session, restaurant_id),
        shifts=_shifts(session, restaurant_id),
        closures=_closures(session, restaurant_id),
        logo=logo_of(session, restaurant_id),
    )


def _areas(session: Session, restaurant_id: int) -> tuple[AreaSpec, ...]:
    query = (
        select(Area)
        .where(Area.restaurant_id == restaurant_id, Area.active)
        .order_by(Area.position, Area.id)
    )
    return tuple(
        AreaSpec(
            row.id,
            row.key,
            row.name,
            None if row.turn_times is None else turn_times_from(row.turn_times),
        )
        for row in session.scalars(query)
    )


def _tables(session: Session, restaurant_id: int) -> tuple[TableSpec, ...]:
    query = (
        select(DiningTable)
        .where(DiningTable.restaurant_id == restaurant_id, DiningTable.active)
        .order_by(DiningTable.id)
    )
    return tuple(
        TableSpec(
            row.id,
            row.label,
            row.area_id,
            row.min_party,
            row.max_party,
            row.priority,
            row.online,
            row.walk_in,
            place_from(row.plan),
            tuple(row.features or ()),
        )
        for row in session.scalars(query)
    )


def _combinations(session: Session, restaurant_id: int) -> tuple[CombinationSpec, ...]:
    query = (
        select(Combination, CombinationTable.dining_table_id)
        .join(CombinationTable, CombinationTable.combination_id == Combination.id)
        .where(Combination.restaurant_id == restaurant_id, Combination.active)
        .order_by(Combination.id, CombinationTable.dining_table_id)
    )
    members: dict[int, list[int]] = {}
    rows: dict[int, Combination] = {}
    for combination, table_id in session.execute(query):
        rows[combination.id] = combination
        members.setdefault(combination.id, []).append(table_id)
    return tuple(
        CombinationSpec(
            row.id, row.label, tuple(members[row.id]), row.min_party, row.max_party, row.priority
        )
        for row in rows.values()
    )


def _shifts(session: Session, restaurant_id: int) -> tuple[ShiftSpec, ...]:
    query = (
        select(Shift).where(Shift.restaurant_id == restaurant_id, Shift.active).order_by(Shift.id)
    )
    return tuple(_shift(row) for row in session.scalars(query))


def _shift(row: Shift) -> ShiftSpec:
    turn_times, pacing = row.overrides.get("turn_times"), row.overrides.get("pacing")
    return ShiftSpec(
        id=row.id,
        key=row.key,
        name=row.name,
        first=row.first,
        last=row.last,
        ends=row.ends,
        weekdays=frozenset(day for day in range(7) if row.weekdays >> day & 1),
        on_date=row.on_date,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        turn_times=None if turn_times is None else turn_times_from(turn_times),
        pacing=None if pacing is None else pacing_from(pacing),
        buffer_minutes=row.overrides.get("buffer_minutes"),
        may_run_over=row.may_run_over,
        added=bool(row.overrides.get("added")),
        covers=row.overrides.get("covers"),
    )


def _closures(session: Session, restaurant_id: int) -> tuple[ClosureSpec, ...]:
    query = select(Closure).where(Closure.restaurant_id == restaurant_id).order_by(Closure.on_date)
    return tuple(
        ClosureSpec(row.on_date, row.shift_key or None, row.reason, row.yearly)
        for row in session.scalars(query)
    )
