"""Assign tables: before arrival, while waiting, while seated; others make way or are named."""

import pytest
from sqlalchemy import Engine

from models.core.errors import Invalid, RevisionConflict, StateConflict
from models.operations.reservations.repeats import ActsOn
from models.operations.stand.arrivals import arrive, finish, seat
from models.operations.tables.assigning import assign_tables
from models.operations.tables.forcing import Force
from models.operations.tables.locking import set_lock
from models.rules.reservations.lifecycle import Status
from tests.operations.evenings import a_stand, history, told
from tests.operations.stand.test_sitting import sits_at
from tests.operations.tables.acts import (
    FLOOR,
    NEAR,
    assign,
    facts,
    in_order,
    last_move,
    minutes,
    moved,
    refused,
    why,
)
from tests.services.running.stand import NOW, Stand

pytestmark = pytest.mark.both
SQUEEZE = Force(squeeze=True, text="regulars, they asked for the corner")
OVERLAP = Force(overlap=True, text="they have to leave for the opera")


@pytest.fixture
def stand(db: Engine) -> Stand:
    return a_stand(db, tables=FLOOR, policies=NEAR)


def test_a_party_to_come_gets_the_table_that_the_host_gives_it(stand: Stand) -> None:
    number = stand.ask(2)
    assert stand.held(number) == {"1": (0, 6)}
    outcome = assign(stand, number, "6", now=NOW)
    assert stand.held(number) == {"6": (0, 6)}
    assert moved(outcome) == {}
    assert last_move(stand, number) == ("assigned", {"from": ["1"], "to": ["6"]})
    assert told(stand, number) == ["confirmation"]
    row = stand.row(number)
    assert (row.tables_chosen, row.tables_locked, row.guest_revision) == (True, False, 2)
    assert in_order(stand, now=NOW)


def test_a_party_that_waits_and_one_that_sits_get_other_tables(stand: Stand) -> None:
    waits, sits = stand.ask(2), stand.ask(2)
    stand.move(arrive, waits, now=minutes(-10))
    stand.move(seat, sits, now=minutes(0))
    assign(stand, waits, "3", now=minutes(1))
    assign(stand, sits, "4", now=minutes(1))
    assert history(stand, waits)[-1] == ("arrived", "arrived", "assigned")
    assert history(stand, sits)[-1] == ("seated", "seated", "moved")
    assert sits_at(stand) == {"4": sits}
    assert (stand.held(waits), stand.held(sits)) == ({"3": (0, 6)}, {"4": (0, 6)})
    assert in_order(stand, now=minutes(1))


def test_tables_are_joined_by_hand(stand: Stand) -> None:
    number = stand.ask(6)
    assign(stand, number, "3", "1", now=NOW)
    assert stand.held(number) == {"1": (0, 8), "3": (0, 8)}
    assert in_order(stand, now=NOW)


def test_the_same_tables_again_do_nothing(stand: Stand) -> None:
    number = stand.ask(2)
    assign(stand, number, "6", now=NOW)
    before = facts(stand, number)
    assign(stand, number, "6", now=NOW)
    seen = stand.row(number).revision - 1
    assign(stand, number, "6", now=NOW, acts_on=ActsOn(revision=seen))
    assert facts(stand, number) == before


def test_the_tables_that_a_party_has_already_are_no_change(stand: Stand) -> None:
    """Whoever gave them: who wants the party to keep them locks it."""
    number = stand.ask(2)
    before = facts(stand, number)
    assign(stand, number, "1", now=NOW)
    assert facts(stand, number) == before
    assign(stand, number, "1", now=NOW, lock=True)
    assert (stand.held(number), stand.row(number).tables_locked) == ({"1": (0, 6)}, True)
    before = facts(stand, number)
    assign(stand, number, "1", now=NOW, lock=True)
    assert facts(stand, number) == before


def test_an_act_on_what_another_host_has_changed_is_refused(stand: Stand) -> None:
    number = stand.ask(2)
    seen = stand.row(number).revision
    assign(stand, number, "6", now=NOW)
    with pytest.raises(RevisionConflict):
        stand.move(set_lock, number, now=NOW, locked=True, acts_on=ActsOn(revision=seen))
    with pytest.raises(StateConflict):
        assign(stand, number, "4", now=NOW, acts_on=ActsOn(status=Status.ARRIVED))
    assert stand.held(number) == {"6": (0, 6)}


def test_a_party_that_has_not_come_makes_way_and_the_answer_says_where_it_went(
    stand: Stand,
) -> None:
    at_1, at_2 = stand.ask(2), stand.ask(2)
    outcome = assign(stand, at_1, "2", now=NOW)
    reference = stand.row(at_2).reference
    assert moved(outcome) == {reference: (("2",), ("1",))}
    assert (stand.held(at_1), stand.held(at_2)) == ({"2": (0, 6)}, {"1": (0, 6)})
    said = {"for": stand.row(at_1).reference, "from": ["2"], "to": ["1"]}
    assert last_move(stand, at_2) == ("re_seated", said)
    assert told(stand, at_2) == ["confirmation"]
    assert in_order(stand, now=NOW)


def test_a_party_makes_way_by_re_seating_a_third(stand: Stand) -> None:
    """Nothing that seats four is free; the two at the table for four can sit elsewhere."""
    six = stand.ask(6)
    four, other_four = stand.ask(4), stand.ask(4)
    two = stand.ask(2)
    assert [stand.held(each) for each in (six, four, other_four, two)] == [
        {"6": (0, 8)}, {"3": (0, 7)}, {"4": (0, 7)}, {"1": (0, 6)}
    ]  # fmt: skip
    with pytest.raises(StateConflict, match=r"no other table is free"):
        assign(stand, two, "3", now=NOW)
    stand.cancel(six)
    outcome = assign(stand, two, "3", now=NOW)
    assert moved(outcome) == {stand.row(four).reference: (("3",), ("6",))}
    assert in_order(stand, now=NOW)


def test_a_party_that_is_here_is_named_and_stays(stand: Stand) -> None:
    sits, waits, comes = stand.ask(2), stand.ask(2), stand.ask(2)
    stand.move(seat, sits, now=minutes(0))
    stand.move(arrive, waits, now=minutes(0))
    said = refused(stand, lambda: assign(stand, comes, "1", now=minutes(1)), sits, comes)
    assert why(said) == [(sits, "seated")]
    assert stand.row(sits).reference in said.message
    assert "still seated at table 1" in said.message
    said = refused(stand, lambda: assign(stand, comes, "2", now=minutes(1)), waits, comes)
    assert why(said) == [(waits, "arrived")]


def test_a_table_at_which_a_party_overstays_is_not_given_for_now_but_for_later(
    stand: Stand,
) -> None:
    sits = stand.ask(2)
    stand.move(seat, sits, now=minutes(0))
    now = minutes(100)  # its turn is over
    soon = stand.book(2, tables=("2",), start=minutes(105))
    later = stand.book(2, tables=("3",), start=minutes(150))
    said = refused(stand, lambda: assign(stand, soon, "1", now=now), soon, sits)
    assert why(said) == [(sits, "seated")]
    assign(stand, later, "1", now=now)
    assert stand.held(later) == {"1": (10, 16)}
    stand.move(finish, sits, now=now)
    assign(stand, soon, "1", now=now, force=OVERLAP)
    assert in_order(stand, now=now)


def test_a_locked_party_is_moved_by_nobody_else(stand: Stand) -> None:
    number, other = stand.ask(2), stand.ask(2)
    stand.move(set_lock, number, now=NOW, locked=True)
    before = facts(stand, number)
    stand.move(set_lock, number, now=NOW, locked=True)
    assert facts(stand, number) == before
    said = refused(stand, lambda: assign(stand, other, "1", now=NOW), number, other)
    assert why(said) == [(number, "locked")]
    stand.move(set_lock, number, now=NOW, locked=False)
    assign(stand, other, "1", now=NOW)
    assert stand.held(number) == {"2": (0, 6)}
    assert [step[2] for step in history(stand, number)[-3:]] == ["locked", "unlocked", "re_seated"]
    assert in_order(stand, now=NOW)


@pytest.mark.parametrize("how", ["locked", "assigned", "neither"])
def test_the_decision_re_seats_nobody_whom_the_host_placed(db: Engine, how: str) -> None:
    """A table for four is taken by two; the small table that they could have is free."""
    stand = a_stand(
        db, tables={"3": ("hall", 2, 4), "1": ("hall", 1, 2)}, policies=NEAR | {"waitlist": True}
    )
    number = stand.ask(2)
    stand.cancel(number)
    small = stand.ask(2)
    two = stand.ask(2)
    stand.cancel(small)
    assert stand.held(two) == {"3": (0, 6)}
    if how == "locked":
        stand.move(set_lock, two, now=NOW, locked=True)
    elif how == "assigned":
        assign(stand, two, "1", now=NOW)
        assign(stand, two, "3", now=NOW)
    four = stand.ask(4)
    expected = "confirmed" if how == "neither" else "waitlisted"
    assert stand.row(four).status == expected
    if how == "neither":
        said = last_move(stand, two)
        assert said == ("re_seated", {"from": ["3"], "to": ["1"]})


def test_a_guest_s_change_gives_a_locked_party_other_tables_and_unlocks_it(stand: Stand) -> None:
    number = stand.ask(2)
    assign(stand, number, "1", now=NOW, lock=True)
    assert stand.row(number).tables_locked
    assert last_move(stand, number)[1]["locked"] is True
    stand.change(number, party_size=4)
    assert stand.held(number) == {"3": (0, 7)}
    assert not stand.row(number).tables_locked
    assert in_order(stand, now=NOW)


def test_a_party_is_squeezed_in_with_a_reason(stand: Stand) -> None:
    number = stand.ask(4)
    said = refused(stand, lambda: assign(stand, number, "1", now=NOW), number)
    assert "seats up to 2" in said.message
    assign(stand, number, "1", now=NOW, force=SQUEEZE)
    assert stand.held(number) == {"1": (0, 7)}
    said_so = {"from": ["3"], "to": ["1"], "squeeze": True, "text": SQUEEZE.text}
    assert last_move(stand, number) == ("assigned", said_so)
    assert in_order(stand, now=NOW)


def test_the_earlier_party_s_turn_is_cut_and_shown(stand: Stand) -> None:
    early = stand.ask(2)
    stand.move(seat, early, now=minutes(0))
    late = stand.ask(2, start=minutes(60))
    said = refused(stand, lambda: assign(stand, late, "1", now=minutes(5)), early, late)
    assert why(said) == [(early, "seated")]
    outcome = assign(stand, late, "1", now=minutes(5), force=OVERLAP)
    (cut,) = outcome.affected
    assert (cut.reservation_id, cut.cut, cut.ends_at) == (early, True, minutes(60))
    assert (stand.held(early), stand.held(late)) == ({"1": (0, 4)}, {"1": (4, 10)})
    assert stand.row(early).ends_at == minutes(60)
    reason, detail = last_move(stand, early)
    assert (reason, detail["for"], detail["text"]) == (
        "turn_changed", stand.row(late).reference, OVERLAP.text
    )  # fmt: skip
    assert sits_at(stand) == {"1": early}
    assert in_order(stand, now=minutes(5))


def test_a_party_that_starts_at_the_same_time_cannot_be_cut_away(db: Engine) -> None:
    stand = a_stand(db, tables={"1": FLOOR["1"], "3": ("hall", 3, 4)}, policies=NEAR)
    number, other = stand.ask(2), stand.ask(4)
    act = lambda: assign(stand, other, "1", now=NOW, force=Force(True, True, "?"))  # noqa: E731
    assert why(refused(stand, act, number, other)) == [(number, "no_table")]


def test_a_preview_says_it_all_and_changes_nothing(stand: Stand) -> None:
    at_1, at_2, sits = stand.ask(2), stand.ask(2), stand.ask(2)
    stand.move(seat, sits, now=minutes(0))
    before = facts(stand, at_1, at_2, sits)
    shown = assign(stand, at_1, "2", now=minutes(1), preview=True)
    assert moved(shown) == {stand.row(at_2).reference: (("2",), ("1",))}
    shown = assign(stand, at_1, "3", now=minutes(1), preview=True)
    assert [each.reservation_id for each in shown.in_the_way] == [sits]
    assert facts(stand, at_1, at_2, sits) == before


@pytest.mark.parametrize("wrong", [(), (999_999,)], ids=["no table", "another restaurant's"])
def test_a_wrong_table_is_named(stand: Stand, wrong: tuple[int, ...]) -> None:
    number = stand.ask(2)
    with pytest.raises(Invalid) as raised:
        stand.move(assign_tables, number, now=NOW, table_ids=wrong)
    assert raised.value.fields[0].field == "tables"


def test_a_party_without_a_table_gets_none_this_way(stand: Stand) -> None:
    number = stand.ask(2)
    stand.cancel(number)
    assert "no table any more" in refused(stand, lambda: assign(stand, number, "1"), number).message


def test_a_late_party_needs_its_new_table_only_from_now_on(stand: Stand) -> None:
    gone, late = stand.ask(2), stand.ask(2)
    stand.move(seat, gone, now=minutes(0))
    stand.move(finish, gone, now=minutes(20))
    assign(stand, late, "1", now=minutes(40))
    assert stand.held(late) == {"1": (2, 6)}
    assert in_order(stand, now=minutes(41))
