"""The states of a reservation and the moves between them."""

import pytest

from models.rules.reservations.lifecycle import (
    ENDED,
    HOLDING,
    MOVES,
    ONLY_BACK,
    OPEN,
    PACED,
    Status,
    may_move,
)

S = Status
ALLOWED = {
    (S.REQUESTED, S.CONFIRMED),
    (S.REQUESTED, S.WAITLISTED),
    (S.REQUESTED, S.DECLINED),
    (S.REQUESTED, S.CANCELLED),
    (S.WAITLISTED, S.CONFIRMED),
    (S.WAITLISTED, S.DECLINED),
    (S.WAITLISTED, S.CANCELLED),
    (S.WAITLISTED, S.EXPIRED),
    (S.WAITLISTED, S.SEATED),  # by the host, at the door or for its start
    (S.CONFIRMED, S.ARRIVED),
    (S.CONFIRMED, S.SEATED),
    (S.CONFIRMED, S.FINISHED),
    (S.CONFIRMED, S.CANCELLED),
    (S.CONFIRMED, S.NO_SHOW),
    (S.CONFIRMED, S.EXPIRED),  # not confirmed by its link, or approved, in time
    (S.CONFIRMED, S.DECLINED),  # by the staff, who had to approve it
    (S.ARRIVED, S.SEATED),
    (S.ARRIVED, S.FINISHED),
    (S.ARRIVED, S.CANCELLED),
    (S.ARRIVED, S.NO_SHOW),
    (S.SEATED, S.FINISHED),
    (S.SEATED, S.ARRIVED),
    # undone
    (S.ARRIVED, S.CONFIRMED),
    (S.SEATED, S.WAITLISTED),
    (S.SEATED, S.CONFIRMED),
    (S.SEATED, S.NO_SHOW),
    (S.CANCELLED, S.REQUESTED),
    (S.CANCELLED, S.WAITLISTED),
    (S.CANCELLED, S.CONFIRMED),
    (S.CANCELLED, S.ARRIVED),
    (S.DECLINED, S.CONFIRMED),  # a request
    (S.FINISHED, S.SEATED),
    (S.FINISHED, S.ARRIVED),
    (S.FINISHED, S.CONFIRMED),
    (S.FINISHED, S.NO_SHOW),
    (S.NO_SHOW, S.CONFIRMED),
    (S.NO_SHOW, S.ARRIVED),
    (S.NO_SHOW, S.SEATED),
    (S.NO_SHOW, S.FINISHED),
}


@pytest.mark.parametrize("before", Status)
@pytest.mark.parametrize("after", Status)
def test_exactly_the_moves_of_the_trade_are_allowed(before: Status, after: Status) -> None:
    assert may_move(before, after) is ((before, after) in ALLOWED)


def test_every_state_has_its_row_and_no_state_moves_to_itself() -> None:
    assert set(MOVES) == set(Status)
    assert not any(may_move(status, status) for status in Status)


def test_every_state_can_be_reached_from_requested() -> None:
    reached = {Status.REQUESTED}
    for _ in Status:
        reached |= {after for before in reached for after in MOVES[before]}
    assert reached == set(Status)


@pytest.mark.parametrize("status", [S.DECLINED, S.CANCELLED, S.EXPIRED])
def test_refused_withdrawn_and_run_out_are_for_good_unless_undone(status: Status) -> None:
    assert MOVES[status] == ONLY_BACK.get(status, frozenset())


def test_a_table_is_held_by_parties_expected_or_there() -> None:
    assert {S.CONFIRMED, S.ARRIVED, S.SEATED} == HOLDING
    assert {S.FINISHED} == PACED - HOLDING


def test_open_and_ended_never_overlap_and_what_is_open_can_be_cancelled() -> None:
    assert not OPEN & ENDED
    assert not HOLDING & ENDED
    assert all(may_move(status, Status.CANCELLED) for status in OPEN)


def test_states_are_plain_words() -> None:
    assert [str(status) for status in (S.NO_SHOW, S.REQUESTED)] == ["no_show", "requested"]
