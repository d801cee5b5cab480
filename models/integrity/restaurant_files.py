"""The restaurants' files, as the integrity check reads them: an invalid one is a finding."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields
from datetime import date
from typing import Any

from sqlalchemy import String, select, type_coerce
from sqlalchemy.orm import Session

from models.core.errors import RestaurantUnreadable
from models.entities.floor import Combination, CombinationTable, DiningTable, Restaurant
from models.entities.shifts import Shift
from models.integrity.finding import CheckedRestaurant, Files, Finding, ShiftFile, TableFile
from models.queries.floor.load import INVALID_DATA, fresh_restaurant
from models.rules.restaurant.policy_storage import pacing_from
from models.rules.restaurant.restaurant import Policies, RestaurantSpec
from models.rules.restaurant.sittings import sittings_on
from models.rules.restaurant.turn_times import held_quarters

#: Any week: every recurring shift occurs in it once.
_WEEK = [date(2026, 3, day) for day in range(2, 9)]
_SIZES = (1, 8, 999)
_DEFAULTS = Policies()


def read_files(session: Session) -> Files:
    """All restaurants' files: four queries, and about eight per restaurant."""
    unreadable: dict[int, str] = {}
    restaurants = dict(_restaurants(session, unreadable))
    shifts: dict[int, ShiftFile] = {}
    query = select(Shift.id, Shift.restaurant_id, type_coerce(Shift.overrides, String))
    for number, restaurant_id, overrides in session.execute(query):
        try:
            shifts[number] = _shift(restaurant_id, json.loads(overrides))
        except INVALID_DATA as error:
            shifts[number] = ShiftFile(restaurant_id, None, None)
            unreadable[restaurant_id] = f"shift {number}: {type(error).__name__}"
            restaurants.pop(restaurant_id, None)
    return Files(restaurants, shifts, _tables(session), _joined(session), unreadable)


def unreadable(files: Files) -> Iterator[Finding]:
    """Restaurants that cannot be read: nothing is decided there, and little can be checked."""
    for number, problem in sorted(files.unreadable.items()):
        yield Finding("unreadable", (), f"restaurant {number} cannot be read: {problem}")


def _restaurants(
    session: Session, unreadable: dict[int, str]
) -> Iterator[tuple[int, CheckedRestaurant]]:
    query = select(Restaurant.id, Restaurant.slug, Restaurant.revised_at).order_by(Restaurant.id)
    for number, slug, revised_at in session.execute(query).all():
        try:
            restaurant = fresh_restaurant(session, number)
            _try_out(restaurant)
        except RestaurantUnreadable as error:
            unreadable[number] = f"{slug}: {error.message}"
        except INVALID_DATA as error:
            unreadable[number] = f"{slug}: its rules cannot be evaluated ({type(error).__name__})"
        else:
            yield number, CheckedRestaurant(slug, restaurant.policies, revised_at, restaurant)


def _try_out(restaurant: RestaurantSpec) -> None:
    """Call the functions that every decision calls, so that any exception shows here."""
    for each in fields(Policies):
        default, value = getattr(_DEFAULTS, each.name), getattr(restaurant.policies, each.name)
        if type(default) in (int, bool) and type(value) is not type(default):
            raise TypeError(each.name)
    for shift in restaurant.shifts:
        for size in _SIZES:
            held_quarters(restaurant.policies, shift, party_size=size)
    for day in (*_WEEK, *(shift.on_date for shift in restaurant.shifts if shift.on_date)):
        sittings_on(restaurant, day)
    sum(restaurant.policies.reminder_minutes)


def _shift(restaurant_id: int, overrides: dict[str, Any]) -> ShiftFile:
    pacing, buffer = overrides.get("pacing"), overrides.get("buffer_minutes")
    return ShiftFile(
        restaurant_id,
        pacing_from(pacing) if isinstance(pacing, dict) else None,
        buffer if isinstance(buffer, int) else None,
    )


def _tables(session: Session) -> dict[int, TableFile]:
    row = DiningTable
    query = select(row.id, row.restaurant_id, row.label, row.min_party, row.max_party)
    return {found.id: TableFile(*found[1:]) for found in session.execute(query)}


def _joined(session: Session) -> dict[frozenset[int], list[tuple[int, int]]]:
    members: dict[int, set[int]] = defaultdict(set)
    row = CombinationTable
    for number, table_id in session.execute(select(row.combination_id, row.dining_table_id)):
        members[number].add(table_id)
    joined: dict[frozenset[int], list[tuple[int, int]]] = defaultdict(list)
    query = select(Combination.id, Combination.min_party, Combination.max_party)
    for number, least, most in session.execute(query):
        joined[frozenset(members[number])].append((least, most))
    return joined
