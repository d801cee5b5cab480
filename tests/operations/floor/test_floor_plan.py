"""Where the floor plan draws the tables: in the file, in the database, on the plan."""

from typing import get_args

import pytest
from sqlalchemy import Engine

from models.queries.floor.export import export_restaurant
from models.rules.restaurant.floor_place import ANYWHERE, FloorPlace, Shape
from tests.operations.deciding.small import (
    SMALL,
    a_small_stand,
    in_one,
    instead,
    load,
    restaurant_of,
)
from tests.operations.floor.test_floor import problems
from tests.operations.floor.test_special_days import apply
from tests.services.running.stand import Stand
from web.pages.stand.plan import CELL, METRE, FloorPlan, TablePlace, plan_of

TABLE_1 = '{ label = "1", area = "hall", max_party = 2 }'
BOOTH = FloorPlace(0.0, 1.5, "booth", 90)


def with_place(text: str) -> str:
    return instead(TABLE_1, TABLE_1.replace(" }", f", {text} }}"))


PLACED = with_place('x = 0, y = 1.5, shape = "booth", rotation = 90')


@pytest.fixture
def stand(db: Engine) -> Stand:
    return a_small_stand(db)


def drawn(label: str) -> TablePlace:
    plan: FloorPlan = plan_of(restaurant_of())
    places = [place for area in plan.areas for place in area.places]
    return next(place for place in places if place.table.label == label)


@pytest.mark.both
def test_a_place_is_stored_and_comes_back_in_the_file(stand: Stand) -> None:
    load(PLACED)
    assert restaurant_of().tables[0].place == BOOTH
    assert restaurant_of().tables[1].place == ANYWHERE
    assert not apply(in_one(lambda session: export_restaurant(session, "small"))).changed
    load(SMALL)
    assert restaurant_of().tables[0].place == ANYWHERE


def test_a_table_that_only_moves_on_the_plan_hurts_no_party(stand: Stand) -> None:
    stand.ask(2)
    load(SMALL)
    loaded = apply(PLACED)
    assert loaded.changed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "x and y come together"),
        ("x = -1, y = 1", "greater than or equal to 0"),
        ('shape = "star"', "must be 'round'"),
        ("rotation = 360", "less than or equal to 359"),
    ],
)
def test_a_wrong_place_is_named(text: str, said: str) -> None:
    (problem,) = problems(with_place(text))
    assert "tables[0]" in problem and said in problem


def test_a_placed_table_stands_there_and_others_below_it(stand: Stand) -> None:
    load(with_place("x = 3.0, y = 1.5"))
    placed, other, yard = drawn("1"), drawn("2"), drawn("3")
    assert placed.x == 3 * METRE
    assert other.y > placed.y + placed.height // 2
    load(SMALL)
    assert drawn("2").x - drawn("1").x == CELL
    assert yard.table.label == "3"


@pytest.mark.parametrize("shape", get_args(Shape))
def test_a_name_stays_on_the_table(stand: Stand, shape: str) -> None:
    load(with_place(f'x = 1, y = 1, shape = "{shape}"'))
    place = drawn("1")
    shown = place.shows(2, "Anna Hildebrandt-Fontaine")
    assert shown.startswith("2 · Hi") and shown.endswith("…")
    assert len(shown) * 6 < place.width
    assert place.is_tight(2, "Anna Hildebrandt-Fontaine")
    assert place.shows(2, "Li") == "2 · Li" and not place.is_tight(2, "Li")
