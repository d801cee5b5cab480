"""The restaurants' files as a check reads them: one that makes no sense is a finding, no error."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields
from datetime import date
from typing import Any

from sqlalchemy import String, select, type_coerce
from sqlalchemy.orm import Session

from models.core.errors import HouseUnreadable
from models.entities.floor import Combination, CombinationTable, DiningTable, Restaurant
from models.entities.shifts import Shift
from models.integrity.finding import Files, Finding, HouseFile, ShiftFile, TableFile
from models.queries.floor.load import SENSELESS, fresh_house
from models.rules.restaurant.policy_storage import pacing_from
from models.rules.restaurant.restaurant import House, Policies
from models.rules.restaurant.sittings import sittings_on
from models.rules.restaurant.turn_times import held_quarters

#: A week of any year: every shift that recurs is looked at once.
_WEEK = [date(2026, 3, day) for day in range(2, 9)]
_SIZES = (1, 8, 999)
_DEFAULTS = Policies()


def read_files(session: Session) -> Files:
    """All of them: four queries, and about eight for each restaurant."""
    unreadable: dict[int, str] = {}
    houses = dict(_houses(session, unreadable))
    shifts: dict[int, ShiftFile] = {}
    query = select(Shift.id, Shift.restaurant_id, type_coerce(Shift.overrides, String))
    for number, restaurant_id, overrides in session.execute(query):
        try:
            shifts[number] = _shift(restaurant_id, json.loads(overrides))
        except SENSELESS as error:
            shifts[number] = ShiftFile(restaurant_id, None, None)
            unreadable[restaurant_id] = f"shift {number}: {type(error).__name__}"
            houses.pop(restaurant_id, None)
    return Files(houses, shifts, _tables(session), _joined(session), unreadable)


def unreadable(files: Files) -> Iterator[Finding]:
    """Restaurants that cannot be read: nothing is decided there, and little can be proved."""
    for number, problem in sorted(files.unreadable.items()):
        yield Finding("unreadable", (), f"restaurant {number} cannot be read: {problem}")


def _houses(session: Session, unreadable: dict[int, str]) -> Iterator[tuple[int, HouseFile]]:
    query = select(Restaurant.id, Restaurant.slug, Restaurant.revised_at).order_by(Restaurant.id)
    for number, slug, revised_at in session.execute(query).all():
        try:
            house = fresh_house(session, number)
            _try_out(house)
        except HouseUnreadable as error:
            unreadable[number] = f"{slug}: {error.message}"
        except SENSELESS as error:
            unreadable[number] = f"{slug}: its rules cannot be asked ({type(error).__name__})"
        else:
            yield number, HouseFile(slug, house.policies, revised_at, house)


def _try_out(house: House) -> None:
    """Ask what every decision asks: nothing of it may raise."""
    for each in fields(Policies):
        default, value = getattr(_DEFAULTS, each.name), getattr(house.policies, each.name)
        if type(default) in (int, bool) and type(value) is not type(default):
            raise TypeError(each.name)
    for shift in house.shifts:
        for size in _SIZES:
            held_quarters(house.policies, shift, party_size=size)
    for day in (*_WEEK, *(shift.on_date for shift in house.shifts if shift.on_date)):
        sittings_on(house, day)
    sum(house.policies.reminder_minutes)


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
