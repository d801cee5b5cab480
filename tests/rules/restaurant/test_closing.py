"""The end of a shift: no online booking stays longer, unless the shift allows it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.core.errors import Invalid
from models.rules.deciding.board import Ask, Board, Reason
from models.rules.deciding.objection import Code, Party
from models.rules.deciding.offers import offers
from models.rules.deciding.standing import objections
from models.rules.reservations.changing import check_change
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.requests import GuestDetails, TableChange, TableRequest
from models.rules.restaurant.policies import check_request
from models.rules.restaurant.restaurant import Policies, RestaurantSpec, ShiftSpec, TurnTime
from models.rules.restaurant.sittings import local, sittings_on
from models.rules.restaurant.turn_times import in_quarters, turn_minutes
from tests.rules.floors import a_board, a_floor, a_table, decide_and_apply
from tests.rules.restaurants import DAY, FRIDAY, at, utc

#: lunch from 12:00 to 14:00; it ends at 16:00: eight guests stay for 135 minutes
LUNCH = replace(
    a_floor([a_table(1, 1, 8), a_table(2, 1, 8)], first="12:00", last="14:00").shifts[0],
    ends=at("16:00"),
    may_run_over=False,
)
RESTAURANT = replace(a_floor([a_table(1, 1, 8), a_table(2, 1, 8)]), shifts=(LUNCH,))
#: 14:00 in Berlin
TWO = utc("2026-07-10T12:00")
MORNING = TWO - timedelta(hours=5)
GUEST = GuestDetails("Ada")


def last_offer(restaurant: RestaurantSpec, ask: Ask) -> str:
    return f"{local(restaurant, offers(a_board(restaurant), ask)[-1]):%H:%M}"


def ask_of(board: Board, party_size: int, *, online: bool = True) -> Ask:
    return Ask(party_size, board.sitting.starts[-1], online=online, waitlist=False)


def test_a_large_party_starts_earlier_than_a_small_one() -> None:
    board = a_board(RESTAURANT)
    assert last_offer(RESTAURANT, ask_of(board, 6)) == "14:00"
    assert last_offer(RESTAURANT, ask_of(board, 8)) == "13:45"
    outcome = decide_and_apply(board, ask_of(board, 8), earliest=0)
    assert (outcome.status, outcome.reason) == (Status.DECLINED, Reason.CLOSED)
    assert outcome.alternatives == board.sitting.starts[-4:-1]
    assert decide_and_apply(board, ask_of(board, 6), earliest=0).status is Status.CONFIRMED


def test_the_staff_may_keep_a_party_past_the_end() -> None:
    board = a_board(RESTAURANT)
    assert (
        decide_and_apply(board, ask_of(board, 8, online=False), earliest=0).status
        is Status.CONFIRMED
    )


def test_a_shift_that_may_run_over_offers_every_start() -> None:
    restaurant = replace(RESTAURANT, shifts=(replace(LUNCH, may_run_over=True),))
    board = a_board(restaurant)
    assert last_offer(restaurant, ask_of(board, 8)) == "14:00"
    assert decide_and_apply(board, ask_of(board, 8), earliest=0).status is Status.CONFIRMED


def test_a_request_is_told_the_last_start_for_its_party() -> None:
    request = TableRequest(8, TWO, GUEST)
    with pytest.raises(
        Invalid, match=r"ends at 16:00: its last start is 2026-07-10T13:45"
    ) as wrong:
        check_request(RESTAURANT, request, now=MORNING, online=True)
    assert [each.field for each in wrong.value.fields] == ["start"]
    check_request(RESTAURANT, request, now=MORNING, online=False)
    check_request(RESTAURANT, replace(request, party_size=6), now=MORNING, online=True)


def test_a_party_does_not_grow_past_the_end() -> None:
    has = TableRequest(6, TWO, GUEST)
    with pytest.raises(Invalid) as wrong:
        check_change(
            RESTAURANT,
            replace(has, party_size=8),
            change=TableChange(party_size=8),
            has=has,
            now=MORNING,
            online=True,
        )
    assert [each.field for each in wrong.value.fields] == ["party_size"]


def test_a_party_that_stays_longer_than_the_shift_is_objected_to() -> None:
    board = a_board(RESTAURANT)
    party = Party(
        Status.CONFIRMED, 8, TWO, TWO + timedelta(minutes=135), board.sitting.book_id, None, (1,)
    )
    assert [each.code for each in objections(RESTAURANT, party)] == [Code.RUNS_OVER]
    assert objections(RESTAURANT, replace(party, online=False)) == ()
    waits = replace(party, status=Status.WAITLISTED, table_ids=())
    assert [each.code for each in objections(RESTAURANT, waits)] == [Code.RUNS_OVER]


def test_an_end_at_the_hour_of_the_first_seating_is_a_day_later() -> None:
    around = replace(LUNCH, first=at("00:00"), last=at("23:45"), ends=at("00:00"))
    (sitting,) = sittings_on(replace(RESTAURANT, shifts=(around,)), FRIDAY)
    assert len(sitting.starts) == 96
    assert sitting.closes == sitting.starts[-1] + 1


HOURS = st.integers(0, 95).map(lambda quarter: at(f"{quarter // 4:02}:{quarter % 4 * 15:02}"))


@st.composite
def shifts(draw: st.DrawFn) -> ShiftSpec:
    """Arbitrary hours, past midnight too, and turns of any length."""
    turns = (
        TurnTime(4, 15 * draw(st.integers(1, 12))),
        TurnTime(999, 15 * draw(st.integers(1, 20))),
    )
    return replace(LUNCH, first=draw(HOURS), last=draw(HOURS), ends=draw(HOURS), turn_times=turns)


@given(
    shift=shifts(),
    size=st.integers(1, 8),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    month=st.integers(0, 11),
)
def test_nobody_is_offered_a_turn_that_ends_after_the_shift(
    shift: ShiftSpec, size: int, zone: str, month: int
) -> None:
    restaurant = replace(RESTAURANT, shifts=(shift,), zone=zone, policies=Policies())
    day = FRIDAY + 30 * month * DAY
    for sitting in sittings_on(restaurant, day):
        board = Board(restaurant, sitting, a_board(RESTAURANT).floor)
        board.floor.base = sitting.starts[0]
        for start in offers(board, Ask(size, sitting.starts[0])):
            turn = turn_minutes(restaurant.policies, shift, party_size=size)
            end = start + in_quarters(turn)
            shown = local(restaurant, end)
            closes = sitting.service_date + DAY * (shift.ends <= shift.first)
            assert (shown.date(), shown.time()) <= (closes, shift.ends)
