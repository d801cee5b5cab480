"""A file that counts covers: its keys, the mistakes, the round trip, and a change of capacity."""

import pytest
from sqlalchemy import Engine

from models.core.errors import FileInvalid, StateConflict
from models.operations.floor.file import read_restaurant
from models.operations.floor.load import load_restaurant
from models.queries.floor.export import export_restaurant
from models.rules.restaurant.covers import most_covers
from tests.operations.deciding.small import SMALL, a_small_stand, in_one, load, restaurant_of
from tests.services.running.stand import NOW

COUNTED = """\
slug = "small"
name = "Small"
zone = "Europe/Berlin"
capacity = "covers"
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
first = "12:00"
last = "14:00"
ends = "16:00"
covers = 20
"""
NO_TABLES = 'cannot be combined with capacity = "covers": there are no tables'
AREAS = 'areas = [{ key = "hall", name = "Hall", turn_times = [[999, 60]] }]\n'
TABLE = 'tables = [{ label = "1", area = "hall", max_party = 2 }]\n'
JOINED = 'combinations = [{ label = "1+2", tables = ["1", "2"], min_party = 1, max_party = 2 }]\n'
WRONG = {
    "no number": ("covers = 30\n", "", "line 1: covers: is missing"),
    "tables": ("covers = 30\n", f"covers = 30\n{TABLE}", f"line 6: tables: {NO_TABLES}"),
    "joined": ("covers = 30\n", f"covers = 30\n{JOINED}", f"line 6: combinations: {NO_TABLES}"),
    "turns of areas": (
        "covers = 30\n", f"covers = 30\n{AREAS}", f"line 6: areas[0].turn_times: {NO_TABLES}"
    ),
    "zero": ("covers = 30", "covers = 0", "line 5: covers: must be greater than or equal to 1"),
    "a number of a shift": (
        "covers = 20", 'covers = "20"', "line 20: shifts[1].covers: must be a valid integer"
    ),
    "another word": ('"covers"', '"seats"', "line 4: capacity: must be 'tables' or 'covers'"),
}  # fmt: skip


def wrong(text: str) -> list[str]:
    with pytest.raises(FileInvalid) as refused:
        read_restaurant(text)
    return [str(each) for each in refused.value.fields]


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_named_with_its_key(case: str) -> None:
    old, new, said = WRONG[case]
    assert old in COUNTED
    assert said in "\n".join(wrong(COUNTED.replace(old, new, 1)))


def test_tables_have_no_number_of_covers() -> None:
    first = SMALL.splitlines()[0]
    found = wrong(SMALL.replace(first, f"{first}\ncovers = 30"))
    assert found == ['line 2: covers: needs capacity = "covers"']
    found = wrong(SMALL.replace('ends = "23:45"', 'ends = "23:45"\ncovers = 3'))
    assert found == ['line 23: shifts[0].covers: needs capacity = "covers"']
    found = wrong("\n".join(line for line in COUNTED.splitlines() if "covers" not in line))
    assert found == ["line 1: areas: is missing", "line 1: tables: is missing"]


@pytest.mark.both
def test_an_export_loads_to_the_same_restaurant(db: Engine) -> None:
    load(COUNTED)
    restaurant = restaurant_of()
    assert (restaurant.covers, restaurant.tables, restaurant.areas) == (30, (), ())
    assert [most_covers(restaurant, shift) for shift in restaurant.shifts] == [30, 20]
    text = in_one(lambda session: export_restaurant(session, "small"))
    assert read_restaurant(text) == read_restaurant(COUNTED)
    load(text)
    assert restaurant_of().revision == restaurant.revision
    load(COUNTED.replace("covers = 30", "covers = 25"))
    assert (restaurant_of().covers, restaurant_of().revision) == (25, restaurant.revision + 1)


@pytest.mark.both
def test_upcoming_parties_keep_a_restaurant_from_another_capacity(db: Engine) -> None:
    stand = a_small_stand(db)
    party = stand.ask(2)
    counted = read_restaurant(COUNTED)
    with pytest.raises(StateConflict, match="table 1 is not a table of this restaurant"):
        in_one(lambda session: load_restaurant(session, counted, now=NOW))
    stand.cancel(party)
    load(COUNTED)
    later = stand.ask(2)
    assert (stand.row(later).status, stand.held(later)) == ("confirmed", {})
    tables = read_restaurant(SMALL)
    with pytest.raises(StateConflict, match="has no table"):
        in_one(lambda session: load_restaurant(session, tables, now=NOW))
