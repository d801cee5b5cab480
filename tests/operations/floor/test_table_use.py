"""Tables for walk-ins or the staff only, and turn times of an area."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.core.errors import Invalid, NotSeated
from models.core.redis.signals import Miss
from models.entities import Assignment
from models.operations.floor.parties import PartiesHurt
from models.queries.deciding.availability import keep_availability
from models.queries.floor.export import export_restaurant
from models.rules.restaurant.restaurant import TurnTime
from tests.operations.deciding.small import (
    a_small_stand,
    in_one,
    instead,
    load,
    restaurant_of,
)
from tests.operations.floor.test_floor import problems
from tests.operations.floor.test_special_days import apply, row
from tests.queries.evening import check
from tests.services.running.stand import NOW, START, Stand

TABLE_1 = '{ label = "1", area = "hall", max_party = 2 }'
YARD = '{ key = "yard", name = "Yard" }'
FAST = instead(YARD, '{ key = "yard", name = "Yard", turn_times = [[2, 45], [999, 60]] }')
WALK_INS = instead(TABLE_1, TABLE_1.replace(" }", ', use = "walk_in" }'))


@pytest.fixture
def stand(db: Engine) -> Stand:
    return a_small_stand(db)


def tables(number: int) -> list[str]:
    query = select(Assignment.dining_table_id).where(Assignment.reservation_id == number)
    ids = in_one(lambda session: list(session.scalars(query)))
    return [restaurant_of().table_by_id[each].label for each in ids]


# --- who gets a table


@pytest.mark.both
def test_a_table_for_walk_ins_is_kept_from_bookings_and_given_to_walk_ins_first(
    stand: Stand,
) -> None:
    load(WALK_INS)
    assert tables(stand.ask(2)) == ["2"]
    assert tables(stand.book(2)) == ["3"]
    with pytest.raises(NotSeated):
        stand.book(2)
    assert tables(stand.book(2, walk_in=True)) == ["1"]
    later = START + timedelta(hours=2)
    assert tables(stand.book(2, walk_in=True, start=later)) == ["1"]
    assert tables(stand.book(2, tables=("1",), start=START - timedelta(hours=2))) == ["1"]
    assert check(stand, now=NOW) == []


@pytest.mark.both
def test_the_load_names_bookings_at_a_table_that_is_now_for_walk_ins(stand: Stand) -> None:
    asked, booked = stand.ask(2), stand.book(2, start=START + timedelta(hours=2))
    assert tables(asked) == tables(booked) == ["1"]
    with pytest.raises(PartiesHurt) as hurt:
        apply(WALK_INS)
    assert {problem.field for problem in hurt.value.fields} == {"table 1"}
    apply(WALK_INS, move=True)
    assert tables(asked) == tables(booked) == ["2"]


def test_use_and_online_must_agree() -> None:
    both = TABLE_1.replace(" }", ', use = "walk_in", online = true }')
    (problem,) = problems(instead(TABLE_1, both))
    assert problem.endswith("tables[0].online: contradicts use = 'walk_in'")


def test_online_false_is_the_same_as_in_house(stand: Stand) -> None:
    load(instead(TABLE_1, TABLE_1.replace(" }", ", online = false }")))
    loaded = apply(instead(TABLE_1, TABLE_1.replace(" }", ', use = "in_house" }')))
    assert not loaded.changed


def test_the_file_comes_back(stand: Stand) -> None:
    load(FAST.replace(TABLE_1, TABLE_1.replace(" }", ', use = "walk_in" }')))
    assert not apply(in_one(lambda session: export_restaurant(session, "small"))).changed
    assert restaurant_of().tables[0].walk_in
    assert restaurant_of().areas[1].turn_times == (TurnTime(2, 45), TurnTime(999, 60))


# --- turn times of an area


@pytest.mark.both
def test_a_party_gets_the_turn_of_its_tables_area_asked_for_or_not(stand: Stand) -> None:
    load(FAST)
    there, hall, anywhere = stand.ask(2, area_key="yard"), stand.ask(4), stand.book(2)
    assert row(there).ends_at == START + timedelta(minutes=45)
    assert row(hall).ends_at == START + timedelta(minutes=105)
    assert tables(anywhere) == ["1"]
    after = stand.ask(4, start=START + timedelta(minutes=45))
    assert tables(after) == ["3"]
    assert row(after).ends_at == START + timedelta(minutes=45 + 60)
    assert check(stand, now=NOW) == []


@pytest.mark.both
def test_a_change_into_the_area_takes_its_turn(stand: Stand) -> None:
    load(FAST)
    number = stand.ask(2)
    stand.change(number, area_key="yard")
    assert row(number).ends_at == START + timedelta(minutes=45)
    assert check(stand, now=NOW) == []


def test_a_shorter_turn_allows_a_later_start(stand: Stand) -> None:
    load(FAST.replace('last = "21:30"\nends = "23:45"', 'last = "22:30"\nends = "23:45"'))
    late = START + timedelta(hours=3, minutes=30)
    restaurant = restaurant_of()

    def free(session: Session) -> list[str]:
        found = keep_availability(
            session, restaurant, Miss(None, ""), on_date=date(2026, 3, 6), party_size=4, now=NOW
        )
        return [f"{slot.starts_at.astimezone(restaurant.tz):%H:%M}" for slot in found]

    assert in_one(free)[-3:] == ["22:00", "22:15", "22:30"]
    assert tables(stand.ask(4, start=late)) == ["3"]
    with pytest.raises(Invalid):
        stand.ask(4, start=late, area_key="hall")


def test_turn_times_of_an_area_are_checked() -> None:
    (problem,) = problems(instead(YARD, YARD.replace(" }", ", turn_times = [[4, 50]] }")))
    assert "areas[1].turn_times[0]: minutes must be a multiple of 15" in problem
