"""Any change of a restaurant: each party not named by the load keeps everything promised."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from models.core.database.transactions import reading
from models.core.errors import Invalid
from models.integrity.check import findings
from models.operations.floor.file import read_restaurant
from models.operations.floor.load import apply_file
from models.operations.floor.parties import PartiesHurt, find_concerns
from models.queries.deciding.standing import Upcoming
from models.rules.deciding.board import Ask
from models.rules.deciding.objection import Party
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import (
    QUARTER_SECONDS,
    AreaSpec,
    ClosureSpec,
    RestaurantSpec,
)
from models.rules.restaurant.sittings import quarter_of, sittings_on
from models.rules.restaurant.turn_times import turn_minutes
from tests.operations.deciding.small import SMALL, a_small_stand, in_one
from tests.rules.floors import HALL, TERRACE, a_board, asks, decide_and_apply, fits, restaurants
from tests.rules.restaurants import DAY, FRIDAY, a_shift, at, utc
from tests.services.running.stand import NOW, START, Stand

FIRST: Final = quarter_of(utc("2026-07-10T16:00"))

# --- pure: any floor, any change, against a slow reference answer

_Change = Callable[[RestaurantSpec, st.DrawFn], RestaurantSpec]


def _one_table(restaurant: RestaurantSpec, draw: st.DrawFn) -> RestaurantSpec:
    number = draw(st.integers(0, len(restaurant.tables) - 1))
    least = draw(st.integers(1, 6))
    changed = replace(
        restaurant.tables[number],
        min_party=least,
        max_party=least + draw(st.integers(0, 6)),
        online=draw(st.booleans()),
        area_id=draw(st.sampled_from([HALL, TERRACE])),
    )
    return replace(
        restaurant,
        tables=tuple(changed if n == number else t for n, t in enumerate(restaurant.tables)),
    )


def _no_table(restaurant: RestaurantSpec, draw: st.DrawFn) -> RestaurantSpec:
    gone = draw(st.sampled_from(restaurant.tables)).id
    joined = tuple(each for each in restaurant.combinations if gone not in each.table_ids)
    tables = tuple(each for each in restaurant.tables if each.id != gone)
    return replace(restaurant, tables=tables, combinations=joined)


def _not_joined(restaurant: RestaurantSpec, draw: st.DrawFn) -> RestaurantSpec:
    return replace(restaurant, combinations=restaurant.combinations[: draw(st.integers(0, 1))])


def _other_hours(restaurant: RestaurantSpec, draw: st.DrawFn) -> RestaurantSpec:
    first, last = draw(
        st.sampled_from([("18:00", "19:00"), ("19:15", "21:00"), ("18:30", "20:30")])
    )
    shift = replace(
        restaurant.shifts[0],
        first=at(first),
        last=at(last),
        weekdays=frozenset(draw(st.sets(st.integers(3, 6)))),
        valid_until=draw(st.none() | st.just(FRIDAY - DAY)),
    )
    return replace(restaurant, shifts=(shift,))


def _renamed_shift(restaurant: RestaurantSpec, draw: st.DrawFn) -> RestaurantSpec:
    return replace(restaurant, shifts=(replace(restaurant.shifts[0], id=draw(st.integers(1, 2))),))


def _special_hours(restaurant: RestaurantSpec, draw: st.DrawFn) -> RestaurantSpec:
    hours = draw(st.sampled_from([("18:00", "21:00"), ("20:00", "21:00")]))
    day = FRIDAY + draw(st.integers(0, 1)) * DAY
    return replace(
        restaurant, shifts=(*restaurant.shifts, a_shift(*hours, shift_id=7, on_date=day))
    )


def _closed(restaurant: RestaurantSpec, draw: st.DrawFn) -> RestaurantSpec:
    day = FRIDAY + draw(st.integers(0, 1)) * DAY
    key = draw(st.sampled_from([None, "dinner", "lunch"]))
    return replace(restaurant, closures=(ClosureSpec(day, key),))


def _renamed_area(restaurant: RestaurantSpec, draw: st.DrawFn) -> RestaurantSpec:
    number = draw(st.integers(2, 3))
    tables = tuple(
        replace(each, area_id=number if each.area_id == TERRACE else each.area_id)
        for each in restaurant.tables
    )
    return replace(
        restaurant, areas=(restaurant.areas[0], AreaSpec(number, "patio", "Patio")), tables=tables
    )


CHANGES: Final[tuple[_Change, ...]] = (
    _one_table,
    _no_table,
    _not_joined,
    _other_hours,
    _renamed_shift,
    _special_hours,
    _closed,
    _renamed_area,
)


def seated(restaurant: RestaurantSpec, wishes: list[Ask]) -> list[tuple[Ask, Upcoming]]:
    """The parties that get a table by the decision, as rows."""
    board, found = a_board(restaurant), []
    for number, wish in enumerate(wishes):
        outcome = decide_and_apply(board, wish, earliest=0)
        if outcome.status is not Status.CONFIRMED:
            continue
        starts_at = datetime.fromtimestamp(wish.quarter * QUARTER_SECONDS, NOW.tzinfo)
        shift = board.sitting.shift
        minutes = turn_minutes(restaurant.policies, shift, party_size=wish.party_size)
        party = Party(
            Status.CONFIRMED,
            wish.party_size,
            starts_at,
            starts_at + timedelta(minutes=minutes),
            board.sitting.book_id,
            wish.area_id,
            tuple(sorted(outcome.seats)),
            online=wish.online,
        )
        found.append((wish, Upcoming(number, f"R{number}", party)))
    return found


def keeps_all(restaurant: RestaurantSpec, wish: Ask, party: Party) -> bool:
    """Whether start, book, area and tables still exist for such a party."""
    has_start = any(
        sitting.book_id == party.book_id and wish.quarter in sitting.starts
        for sitting in sittings_on(restaurant, FRIDAY)
    )
    areas = {area.id for area in restaurant.areas} | {None}
    tables = {table.id for table in restaurant.tables}
    if not has_start or wish.area_id not in areas or not tables.issuperset(party.table_ids):
        return False
    return fits(restaurant, party.table_ids, wish)


@st.composite
def changed(draw: st.DrawFn) -> tuple[RestaurantSpec, RestaurantSpec]:
    """A restaurant, and the same after up to three changes."""
    before = after = draw(restaurants())
    for change in draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=3)):
        after = change(after, draw) if after.tables else after
    return before, replace(after, revision=2)


@given(change=changed(), wishes=st.lists(asks(FIRST), max_size=12))
def test_exactly_the_parties_a_change_does_not_hurt_keep_everything(
    change: tuple[RestaurantSpec, RestaurantSpec], wishes: list[Ask]
) -> None:
    before, after = change
    parties = seated(before, wishes)
    hurt = {each.who.id for each in find_concerns(before, after, [who for _, who in parties]).hurt}
    lost = {who.id for wish, who in parties if not keeps_all(after, wish, who.party)}
    assert hurt == lost


# --- on the database: an evening, and successive files

LINES: Final = (
    ('"1", area = "hall", max_party = 2', '"1", area = "yard", max_party = 3'),
    (
        'min_party = 2, max_party = 4 },\n  { label = "3"',
        'min_party = 3, max_party = 6 },\n  { label = "3"',
    ),
    ("max_party = 4 },\n]", "max_party = 4, online = false },\n]"),
    ("min_party = 5, max_party = 8 }]", "min_party = 5, max_party = 6 }]"),
    ('key = "dinner"', 'key = "evening"'),
    ('first = "17:00"', 'first = "18:30"'),
    ('last = "21:30"', 'last = "19:30"'),
    ("covers = 30", "covers = 12"),
    ('"yard"', '"garden"'),
    ('zone = "Europe/Berlin"', 'zone = "Europe/London"'),
)


def a_change(chance: random.Random) -> str:
    """SMALL with some of the lines changed."""
    text = SMALL
    for old, new in sorted(chance.sample(LINES, chance.randint(0, 3)), key=LINES.index):
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("seed", range(6))
def test_one_file_after_another_leaves_a_book_in_order(db: Engine, seed: int) -> None:
    chance, stand = random.Random(seed), a_small_stand(db)  # nosec B311 - a plan
    kept: set[str] = set()
    for _ in range(6):
        an_evening(stand, chance)
        text, move = a_change(chance), chance.random() < 0.7
        work = partial(apply_file, file=read_restaurant(text), now=NOW, move=move)
        try:
            done = in_one(work)
        except PartiesHurt:
            assert not move
            continue
        kept |= {each.who.reference for each in done.concerns.hurt if "unchanged" in each.outcome}
        assert_in_order(stand, kept)


def an_evening(stand: Stand, chance: random.Random) -> None:
    """Online requests, waiting parties and change requests."""
    for _ in range(4):
        start = START + timedelta(minutes=15 * chance.randint(-4, 6))
        try:
            number = stand.request(chance.randint(1, 8), start=start)
        except Invalid:  # no start of the current hours
            continue
        if chance.random() < 0.7:
            stand.drain()
        elif stand.row(number).status == "confirmed":
            stand.wish(number, party_size=chance.randint(1, 8))


def assert_in_order(stand: Stand, kept: set[str]) -> None:
    """The check finds nothing but what the load has named."""
    with reading(stand.bind) as session:
        found = findings(session, now=NOW, grace_seconds=600)
    named = {stand.row(each.ids[0]).reference for each in found if each.rule == "misfit"}
    assert [each for each in found if each.rule != "misfit"] == []
    assert named <= kept
