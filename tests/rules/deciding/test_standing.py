"""Violations of a party are named; exceptions that the staff may make are not reported."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.deciding.board import Ask, Board
from models.rules.deciding.objection import Code, Party
from models.rules.deciding.standing import objections
from models.rules.reservations.lifecycle import HOLDING, Status
from models.rules.restaurant.restaurant import (
    QUARTER_SECONDS,
    AreaSpec,
    ClosureSpec,
    Policies,
    RestaurantSpec,
    ShiftSpec,
    TurnTime,
    book_id,
)
from models.rules.restaurant.sittings import find_sitting
from models.rules.restaurant.turn_times import turn_minutes
from tests.rules.floors import (
    HALL,
    TERRACE,
    a_board,
    a_combination,
    a_floor,
    a_table,
    asks,
    decide_and_apply,
    restaurants,
)
from tests.rules.restaurants import DAY, FRIDAY, a_shift, at, utc

RESTAURANT = a_floor(
    [a_table(1, 1, 2), a_table(2, 2, 4), a_table(3, 2, 4, area_id=TERRACE), a_table(4, 1, 8)],
    [a_combination(1, (1, 2), 5, 6)],
)
#: 19:00 in Berlin
SEVEN = utc("2026-07-10T17:00")
START = a_board(RESTAURANT).sitting.starts[0]


def a_party(**more: Any) -> Party:
    """Two at table 1 on Friday at seven, as the decision seats them."""
    values: dict[str, Any] = {
        "status": Status.CONFIRMED,
        "party_size": 2,
        "starts_at": SEVEN,
        "ends_at": SEVEN + timedelta(minutes=90),
        "book_id": book_id(1, FRIDAY),
        "table_ids": (1,),
    }
    return Party(**values | more)


def with_shifts(*shifts: ShiftSpec, closures: tuple[ClosureSpec, ...] = ()) -> RestaurantSpec:
    return replace(RESTAURANT, shifts=shifts, closures=closures)


def found(restaurant: RestaurantSpec, party: Party) -> list[tuple[Code, str]]:
    return [(each.code, each.about) for each in objections(restaurant, party)]


def test_nothing_is_said_of_a_party_as_the_decision_makes_it() -> None:
    assert found(RESTAURANT, a_party()) == []
    assert found(RESTAURANT, a_party(status=Status.WAITLISTED, table_ids=())) == []
    assert found(RESTAURANT, a_party(status=Status.REQUESTED, table_ids=())) == []


DINNER = RESTAURANT.shifts[0]
LATER = replace(DINNER, first=at("20:00"))
SPECIAL = a_shift("20:30", "21:00", key="party", shift_id=7, on_date=FRIDAY)
EARLY = a_shift("18:00", "19:00", key="early", shift_id=5)
STARTS = {
    "closed": (
        with_shifts(DINNER, closures=(ClosureSpec(FRIDAY),)),
        Code.CLOSED,
        "closure 2026-07-10",
    ),
    "one shift closed": (
        with_shifts(DINNER, closures=(ClosureSpec(FRIDAY, "dinner"),)),
        Code.CLOSED,
        "closure 2026-07-10",
    ),
    "shift gone": (with_shifts(a_shift(shift_id=9)), Code.OTHER_BOOK, "shift dinner"),
    "shift gone for good": (
        with_shifts(a_shift("12:00", "14:00", shift_id=9)),
        Code.SHIFT_GONE,
        "shift #1",
    ),
    "special hours": (with_shifts(DINNER, SPECIAL), Code.NO_START, "shift party"),
    "weekend only": (
        with_shifts(replace(DINNER, weekdays=frozenset({5, 6}))),
        Code.NO_START,
        "shift dinner",
    ),
    "ended": (
        with_shifts(replace(DINNER, valid_until=FRIDAY - DAY)),
        Code.NO_START,
        "shift dinner",
    ),
    "not begun": (
        with_shifts(replace(DINNER, valid_from=FRIDAY + DAY)),
        Code.NO_START,
        "shift dinner",
    ),
    "later first seating": (with_shifts(LATER), Code.NO_START, "shift dinner"),
    "another shift's by now": (with_shifts(EARLY, LATER), Code.OTHER_BOOK, "shift early"),
    "coarser grid": (
        replace(
            with_shifts(replace(DINNER, first=at("18:30"))), policies=Policies(slot_minutes=60)
        ),
        Code.NO_START,
        "shift dinner",
    ),
}


@pytest.mark.parametrize(("restaurant", "code", "about"), STARTS.values(), ids=STARTS)
def test_a_start_that_is_none_any_more(restaurant: RestaurantSpec, code: Code, about: str) -> None:
    for status in (Status.CONFIRMED, Status.WAITLISTED, Status.REQUESTED):
        party = a_party(status=status, table_ids=(1,) if status in HOLDING else ())
        assert found(restaurant, party) == [(code, about)]


@pytest.mark.parametrize("status", [Status.ARRIVED, Status.SEATED])
def test_an_arrived_party_needs_no_start_and_still_its_book(status: Status) -> None:
    here = a_party(status=status, chosen=status is Status.SEATED)
    assert found(with_shifts(LATER), here) == []
    assert found(with_shifts(DINNER, closures=(ClosureSpec(FRIDAY),)), here) == []
    other_day = replace(here, book_id=book_id(1, date(2026, 7, 14)))
    assert found(RESTAURANT, other_day) == [(Code.OTHER_BOOK, "shift dinner")]
    assert found(with_shifts(LATER), other_day) == [(Code.OTHER_BOOK, "")]


def test_a_start_off_the_grid() -> None:
    starts = SEVEN + timedelta(minutes=7)
    party = a_party(starts_at=starts, ends_at=starts + timedelta(minutes=90))
    assert found(RESTAURANT, party) == [(Code.NO_START, "shift dinner")]


def test_a_book_of_another_date_or_of_nobody() -> None:
    for number in (book_id(1, FRIDAY + DAY), book_id(8, FRIDAY), 0):
        assert found(RESTAURANT, a_party(book_id=number)) == [(Code.OTHER_BOOK, "shift dinner")]


PLACES = {
    "table gone": ({"table_ids": (9,)}, Code.TABLE_GONE, "table #9"),
    "no table": ({"table_ids": ()}, Code.NO_TABLE, ""),
    "area gone": ({"area_id": 8}, Code.AREA_GONE, "area #8"),
    "other area": ({"area_id": HALL, "table_ids": (3,)}, Code.OTHER_AREA, "table T3"),
    "too few": ({"party_size": 1, "table_ids": (2,)}, Code.PARTY_RANGE, "table T2"),
    "not joined": ({"party_size": 5, "table_ids": (1, 4)}, Code.NOT_JOINED, "table T1 + T4"),
    "joined for others": ({"table_ids": (1, 2)}, Code.PARTY_RANGE, "table T1 + T2"),
    "nothing fits": (
        {"status": Status.WAITLISTED, "party_size": 5, "area_id": TERRACE, "table_ids": ()},
        Code.NOTHING_FITS,
        "area terrace",
    ),
}


@pytest.mark.parametrize(("more", "code", "about"), PLACES.values(), ids=PLACES)
def test_a_place_that_is_none(more: dict[str, Any], code: Code, about: str) -> None:
    party = a_party(**more)
    minutes = turn_minutes(RESTAURANT.policies, DINNER, party_size=party.party_size)
    party = replace(party, ends_at=SEVEN + timedelta(minutes=minutes))
    assert found(RESTAURANT, party) == [(code, about)]


def test_a_table_for_the_staff_alone_is_none_online() -> None:
    tables = tuple(replace(table, online=table.id != 1) for table in RESTAURANT.tables)
    restaurant = replace(RESTAURANT, tables=tables)
    assert found(restaurant, a_party()) == [(Code.IN_HOUSE_ONLY, "table T1")]
    assert found(restaurant, a_party(online=False)) == []


def test_what_is_gone_is_named_as_it_was_called_before() -> None:
    after = replace(
        RESTAURANT, revision=2, tables=RESTAURANT.tables[1:], areas=(AreaSpec(9, "roof", "Roof"),)
    )
    said = objections(after, a_party(area_id=HALL), before=RESTAURANT)
    assert [each.about for each in said] == ["area hall", "table T1"]
    assert [each.about for each in objections(after, a_party(area_id=HALL))] == [
        "area #1",
        "table #1",
    ]


def test_a_row_that_makes_no_sense() -> None:
    party = a_party(party_size=-5, ends_at=SEVEN - timedelta(minutes=15))
    codes = {code for code, _ in found(RESTAURANT, party)}
    assert codes == {Code.PARTY_SIZE, Code.ENDS_BEFORE_START, Code.PARTY_RANGE, Code.TURN}


def test_a_turn_of_another_length() -> None:
    party = a_party(ends_at=SEVEN + timedelta(minutes=105))
    assert found(RESTAURANT, party) == [(Code.TURN, "shift dinner")]
    own = with_shifts(replace(DINNER, turn_times=(TurnTime(999, 105),)))
    assert found(own, party) == []
    assert found(RESTAURANT, replace(party, chosen=True)) == []
    assert found(RESTAURANT, replace(party, status=Status.WAITLISTED, table_ids=())) == []


def test_what_the_staff_may_do_is_no_objection() -> None:
    chosen = a_party(online=False, chosen=True, party_size=7, table_ids=(1, 3), area_id=HALL)
    assert found(RESTAURANT, chosen) == []
    assert found(RESTAURANT, replace(chosen, table_ids=(1, 9))) == [(Code.TABLE_GONE, "table #9")]
    seated = a_party(status=Status.SEATED, chosen=True, table_ids=(2, 4), party_size=1, area_id=8)
    assert found(RESTAURANT, replace(seated, ends_at=SEVEN + timedelta(hours=5))) == []
    late = datetime.fromisoformat("2026-07-10T20:37+00:00")
    walked_in = replace(seated, starts_at=late, ends_at=late + timedelta(hours=1), walk_in=True)
    assert found(RESTAURANT, walked_in) == []


# --- the decision and this function agree


def as_party(board: Board, ask: Ask, **more: Any) -> Party:
    """The row that an operation writes for a decision."""
    starts_at = datetime.fromtimestamp(ask.quarter * QUARTER_SECONDS, SEVEN.tzinfo)
    shift = board.sitting.shift
    minutes = turn_minutes(board.restaurant.policies, shift, party_size=ask.party_size)
    values: dict[str, Any] = {
        "party_size": ask.party_size,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=minutes),
        "book_id": board.sitting.book_id,
        "area_id": ask.area_id,
        "online": ask.online,
    }
    return Party(**values | more)


@given(restaurant=restaurants(), wishes=st.lists(asks(START), max_size=12))
def test_no_party_that_the_decision_seats_or_lets_wait_is_objected_to(
    restaurant: RestaurantSpec, wishes: list[Ask]
) -> None:
    board = a_board(restaurant)
    for wish in wishes:
        outcome = decide_and_apply(board, wish, earliest=0)
        if outcome.status is not Status.DECLINED:
            party = as_party(board, wish, status=outcome.status, table_ids=outcome.seats)
            assert objections(restaurant, party) == ()


@given(
    restaurant=restaurants(),
    wish=asks(START),
    seats=st.sets(st.integers(1, 7), min_size=1, max_size=3),
)
def test_a_party_where_the_decision_would_seat_nobody_is_objected_to(
    restaurant: RestaurantSpec, wish: Ask, seats: set[int]
) -> None:
    board = a_board(restaurant)
    own = tuple(sorted(seats))
    party = as_party(board, wish, status=Status.CONFIRMED, table_ids=own)
    may = set(own) in [set(each) for each in board.wanted(wish)]
    assert (objections(restaurant, party) == ()) is may


def test_many_parties_are_looked_at_with_few_answers_remembered() -> None:
    restaurant = replace(RESTAURANT)
    sitting = find_sitting(restaurant, SEVEN)
    assert sitting is not None
    for number in range(2_000):
        day = FRIDAY + DAY * (number % 50)
        starts = SEVEN + DAY * (number % 50)
        turn = timedelta(minutes=90)
        party = a_party(starts_at=starts, ends_at=starts + turn, book_id=book_id(1, day))
        assert objections(restaurant, party) == ()
    assert len(restaurant.memo) <= 3
