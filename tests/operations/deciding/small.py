"""A small restaurant's file for edits by the tests, and its stand."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.core.database.transactions import unit
from models.operations.floor.file import read_restaurant
from models.operations.floor.load import load_restaurant
from models.queries.floor.load import restaurant_by_slug
from models.rules.restaurant.restaurant import RestaurantSpec
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import NOW, Stand

T = TypeVar("T")

#: a restaurant's file; tests cut or replace lines of it
SMALL = """\
slug = "small"
name = "Small"
zone = "Europe/Berlin"
areas = [{ key = "hall", name = "Hall" }, { key = "yard", name = "Yard" }]
tables = [
  { label = "1", area = "hall", max_party = 2 },
  { label = "2", area = "hall", min_party = 2, max_party = 4 },
  { label = "3", area = "yard", min_party = 2, max_party = 4 },
]
combinations = [{ label = "2+3", tables = ["2", "3"], min_party = 5, max_party = 8 }]

[policies]
max_party_online = 8
[policies.pacing]
covers = 30

[[shifts]]
key = "dinner"
name = "Dinner"
first = "17:00"
last = "21:30"
ends = "23:45"

[[shifts]]
key = "lunch"
name = "Lunch"
first = 12:00:00
last = 14:00:00
ends = 16:00:00
"""


def in_one(work: Callable[[Session], T]) -> T:
    """Run one transaction."""
    return unit(work)


def load(text: str, *, now: datetime = NOW) -> int:
    """Load a file's text; return the restaurant's id."""
    return in_one(lambda session: load_restaurant(session, read_restaurant(text), now=now))


def restaurant_of(slug: str = "small") -> RestaurantSpec:
    """The current restaurant."""
    return in_one(lambda session: restaurant_by_slug(session, slug))


def without(*parts: str, text: str = SMALL) -> str:
    for part in parts:
        assert part in text
        text = text.replace(part, "")
    return text


def instead(old: str, new: str, *, text: str = SMALL) -> str:
    assert old in text
    return text.replace(old, new)


def a_small_stand(db: Engine) -> Stand:
    """SMALL, loaded, with its tables and shifts at the stand."""
    number = load(SMALL)
    restaurant = restaurant_of()
    made = OpenRestaurant(
        id=number,
        slug=restaurant.slug,
        areas={area.key: area.id for area in restaurant.areas},
        tables={table.label: table.id for table in restaurant.tables},
        shifts={shift.key: shift.id for shift in restaurant.shifts},
    )
    return Stand(db, made)
