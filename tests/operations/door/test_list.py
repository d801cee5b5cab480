"""The list at the door: join, be called, come or not, be passed over, leave, be seated."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.core.errors import Invalid, NotSeated, RevisionConflict, StateConflict, TableTaken
from models.entities.evening import BlockedTable
from models.operations.deciding.waitlist import expire_waitlists
from models.operations.door.calling import call_to_table
from models.operations.door.leaving import end_lists, leave_list, pass_over
from models.operations.reservations.changes import cancel_reservation, edit_details
from models.operations.reservations.repeats import ActsOn
from models.operations.reservations.staff_changes import change_by_staff
from models.operations.stand.arrivals import finish, seat
from models.operations.stand.confirming import confirm_waitlisted
from models.operations.stand.undo import take_back
from models.queries.door.accuracy import Accuracy, accuracy
from models.rules.door.quotes import Quote
from models.rules.reservations.requests import GuestDetails, TableChange
from models.rules.restaurant.sittings import quarter_of
from tasks.jobs.stand import STAND_JOBS
from tests.operations.door.evening import (
    TWO,
    door_stand,
    entry,
    line,
    minutes,
    places,
    sent,
    wait,
)
from tests.operations.evenings import history
from tests.queries.evening import check, send_due
from tests.services.running.stand import NOW, STAFF, START, Stand

pytestmark = pytest.mark.both
PHONE, OTHER = "+15550100", "+15550101"


def seated_party(stand: Stand, table: str = "1", *, now: datetime = START) -> int:
    number = stand.book(2, tables=(table,), start=START)
    stand.move(seat, number, now=now)
    return number


def cancel(session: Session, number: int, *, now: datetime, actor: str) -> None:
    cancel_reservation(session, number, now=now, actor=actor, by_staff=True)


def call_next(now: datetime) -> int:
    return STAND_JOBS["call_next"](now)


def is_well(stand: Stand, *, now: datetime) -> None:
    """Send what is due, then check every row."""
    stand.drain(now=now)
    send_due(stand, until=now)
    assert check(stand, now=now) == []


def test_a_party_joins_is_quoted_and_sent_its_link(db: Engine) -> None:
    stand = door_stand(db)
    seated_party(stand)
    number = wait(stand, now=minutes(30), phone=PHONE)
    row = stand.row(number)
    assert (row.status, row.source) == ("waitlisted", "door")
    assert (entry(stand, number).quoted_low, entry(stand, number).quoted_high) == (45, 75)
    assert sent(stand, number) == [("waitlisted", "sms", "queued")]
    assert history(stand, number) == [("requested", "waitlisted", "door")]
    assert places(stand, now=minutes(40)) == [(number, 1, Quote(35, 65))]
    is_well(stand, now=minutes(40))


def test_nobody_is_sent_a_message_where_the_host_says_so(db: Engine) -> None:
    stand = door_stand(db)
    number = wait(stand, phone=PHONE, notify=False)
    stand.move(call_to_table, number, now=minutes(1), notify=False)
    assert {state for _, _, state in sent(stand, number)} == {"skipped"}
    is_well(stand, now=minutes(2))


def test_one_entry_a_guest_and_a_repeat_is_the_same_entry(db: Engine) -> None:
    stand = door_stand(db)
    number = wait(stand, phone=PHONE, key="first")
    assert wait(stand, phone=PHONE, key="first") == number
    with pytest.raises(StateConflict, match=stand.row(number).reference):
        wait(stand, phone=PHONE)
    with pytest.raises(StateConflict) as refused:
        wait(stand, phone=PHONE, actor="guest")
    assert stand.row(number).reference not in refused.value.message
    stand.move(leave_list, number, now=minutes(5))
    assert wait(stand, phone=PHONE, now=minutes(6)) != number


def test_a_guest_is_bound_by_hours_length_and_policy_the_staff_are_not(db: Engine) -> None:
    stand = door_stand(db, door_parties=1, door_opens_minutes=30)
    opening = minutes(-120)  # dinner begins at 17:00, START is 19:00
    with pytest.raises(StateConflict, match="closed"):
        wait(stand, actor="guest", phone=OTHER, now=opening.replace(hour=15, minute=0))
    early = wait(stand, now=opening.replace(hour=15, minute=0))
    assert stand.row(early).starts_at == opening
    with pytest.raises(StateConflict, match="full"):
        wait(stand, actor="guest", phone=OTHER, now=opening)
    wait(stand, now=opening)
    with pytest.raises(Invalid) as refused:
        wait(stand, 3)
    assert refused.value.fields[0].field == "party_size"


def test_without_the_policy_guests_ask_the_host(db: Engine) -> None:
    stand = door_stand(db, door_online=False)
    with pytest.raises(StateConflict, match="ask the host"):
        wait(stand, actor="guest", phone=PHONE)
    closed = door_stand(db, slug="other", door_list=False)
    with pytest.raises(StateConflict, match="no list"):
        wait(closed)


def test_a_called_party_has_ten_minutes_then_the_next_is_called(db: Engine) -> None:
    stand = door_stand(db)
    first, second = wait(stand, phone=PHONE), wait(stand, phone=OTHER, now=minutes(1))
    stand.move(call_to_table, first, now=minutes(2))
    assert entry(stand, first).ready_until == minutes(12)
    assert sent(stand, first)[1:] == [("table_ready", "sms", "queued")]
    assert call_next(minutes(11.9)) == 0
    assert call_next(minutes(12)) == 1
    assert entry(stand, first).missed_at == minutes(12)
    assert entry(stand, second).ready_until == minutes(22)
    assert sent(stand, second)[1:] == [("table_ready", "sms", "queued")]
    assert line(stand, now=minutes(13)) == [(second, 1), (first, None)]
    assert [step[2] for step in history(stand, first)] == ["door", "table_ready", "ready_missed"]
    assert call_next(minutes(13)) == 0
    is_well(stand, now=minutes(13))


def test_a_party_that_missed_its_call_can_be_called_again_and_seated(db: Engine) -> None:
    stand = door_stand(db)
    number = wait(stand)
    stand.move(call_to_table, number, now=minutes(2))
    call_next(minutes(12))
    stand.move(call_to_table, number, now=minutes(20))
    assert line(stand, now=minutes(20)) == [(number, 1)]
    stand.move(seat, number, now=minutes(21))
    assert stand.row(number).status == "seated"
    assert entry(stand, number).served_at == minutes(2)
    is_well(stand, now=minutes(22))


def test_calling_twice_is_calling_once(db: Engine) -> None:
    stand = door_stand(db)
    number = wait(stand, phone=PHONE)
    seen = ActsOn(None, stand.row(number).revision)
    stand.move(call_to_table, number, now=minutes(2))
    stand.move(call_to_table, number, now=minutes(3))
    stand.move(call_to_table, number, now=minutes(3), acts_on=seen)
    assert entry(stand, number).ready_until == minutes(12)
    assert len(sent(stand, number)) == 2
    with pytest.raises(RevisionConflict):
        stand.move(pass_over, number, now=minutes(3), why="gone for a walk", acts_on=seen)


def test_a_table_is_held_for_the_party_that_was_called(db: Engine) -> None:
    stand = door_stand(db)
    number = wait(stand)
    stand.move(call_to_table, number, now=minutes(16))
    assert stand.held(number) == {"1": (1, 7)}, "for its whole turn, if it comes at the last minute"
    with pytest.raises(NotSeated):
        stand.book(2, start=minutes(15), now=minutes(16), walk_in=True)
    is_well(stand, now=minutes(17))
    call_next(minutes(26))
    assert stand.held(number) == {}
    stand.book(2, start=minutes(15), now=minutes(27), walk_in=True)


@pytest.mark.parametrize("end", [leave_list, pass_over, cancel])
def test_the_table_is_free_again_when_the_call_ends(db: Engine, end: Callable[..., None]) -> None:
    stand = door_stand(db)
    number = wait(stand)
    stand.move(call_to_table, number, now=minutes(1))
    more = {"why": "no answer"} if end is pass_over else {}
    stand.move(end, number, now=minutes(2), **more)
    assert stand.held(number) == {}
    is_well(stand, now=minutes(3))


def test_a_party_that_waits_at_the_door_is_called_or_seated_not_confirmed(db: Engine) -> None:
    stand = door_stand(db)
    number = wait(stand)
    with pytest.raises(StateConflict, match="at the door"):
        stand.move(confirm_waitlisted, number, now=minutes(1))


def test_a_table_is_promised_to_one_party(db: Engine) -> None:
    stand = door_stand(db, tables=TWO)
    first, second = wait(stand), wait(stand)
    stand.move(call_to_table, first, now=minutes(1))
    stand.move(call_to_table, second, now=minutes(1))
    assert entry(stand, first).ready_tables != entry(stand, second).ready_tables
    third, table = wait(stand, now=minutes(2)), stand.restaurant.tables["1"]
    with pytest.raises(NotSeated):
        stand.move(call_to_table, third, now=minutes(2))
    with pytest.raises(StateConflict, match=stand.row(first).reference):
        stand.move(call_to_table, third, now=minutes(2), tables=(table,))


def test_the_next_is_not_called_to_a_table_where_a_party_still_sits(db: Engine) -> None:
    stand = door_stand(db)
    seated_party(stand)
    first, second = wait(stand), wait(stand, now=minutes(1))
    leaving = (stand.restaurant.tables["1"],)
    stand.move(call_to_table, first, now=minutes(1), tables=leaving)
    assert call_next(minutes(11)) == 1
    assert entry(stand, second).ready_until is None


def test_a_party_is_seated_at_the_table_it_was_called_to_from_now_on(db: Engine) -> None:
    stand = door_stand(db, tables=TWO)
    number, table = wait(stand), stand.restaurant.tables["2"]
    stand.move(call_to_table, number, now=minutes(20), tables=(table,))
    stand.move(seat, number, now=minutes(22))
    row = stand.row(number)
    assert (row.starts_at, row.ends_at) == (minutes(15), minutes(105))
    assert stand.held(number) == {"2": (1, 7)}
    assert history(stand, number)[-1] == ("waitlisted", "seated", "seating")
    stand.move(finish, number, now=minutes(80))
    is_well(stand, now=minutes(90))


def test_a_called_party_has_its_whole_turn_whoever_books_meanwhile(db: Engine) -> None:
    stand = door_stand(db)
    number = wait(stand)
    stand.move(call_to_table, number, now=minutes(1))
    with pytest.raises(NotSeated):
        stand.book(2, start=minutes(60), now=minutes(2))
    stand.move(seat, number, now=minutes(10))
    assert stand.held(number) == {"1": (0, 6)}
    is_well(stand, now=minutes(11))


def test_a_party_is_called_by_itself_to_no_table_that_is_not_free_for_its_turn(db: Engine) -> None:
    stand = door_stand(db)
    comes, number = stand.book(2, start=minutes(45)), wait(stand)
    with pytest.raises(NotSeated):
        stand.move(call_to_table, number, now=minutes(1))
    named = (stand.restaurant.tables["1"],)
    stand.move(call_to_table, number, now=minutes(1), tables=named)
    assert (stand.held(number), stand.held(comes)) == ({"1": (0, 3)}, {"1": (3, 9)})
    is_well(stand, now=minutes(2))
    stand.move(seat, number, now=minutes(9))
    assert (stand.held(number), stand.row(number).ends_at) == ({"1": (0, 3)}, minutes(45))
    is_well(stand, now=minutes(10))


def test_what_was_called_can_be_seated(db: Engine) -> None:
    """The host names a table: of a party that is about to leave, but of none that is to come."""
    stand = door_stand(db, tables=TWO)
    sits, comes = seated_party(stand, "1"), stand.book(2, tables=("2",), start=minutes(15))
    number, tables = wait(stand), stand.restaurant.tables
    with pytest.raises(TableTaken, match=r"from 19:15 on"):
        stand.move(call_to_table, number, now=minutes(4), tables=(tables["2"],))
    stand.move(call_to_table, number, now=minutes(4), tables=(tables["1"],))
    with pytest.raises(StateConflict, match="still"):
        stand.move(seat, number, now=minutes(5))
    stand.move(finish, sits, now=minutes(6))
    stand.move(seat, number, now=minutes(7))
    assert stand.held(number) == {"1": (0, 6)}
    assert stand.held(comes) == {"2": (1, 7)}
    is_well(stand, now=minutes(8))


def test_a_party_from_the_list_has_a_short_turn_where_the_next_comes(db: Engine) -> None:
    stand = door_stand(db)
    stand.book(2, start=minutes(30))
    number, named = wait(stand), (stand.restaurant.tables["1"],)
    stand.move(seat, number, now=minutes(2), table_ids=named)
    assert stand.row(number).ends_at == minutes(30)
    late = wait(stand, now=minutes(3))
    stand.move(finish, number, now=minutes(16))
    with pytest.raises(StateConflict, match="held by another party"):
        stand.move(seat, late, now=minutes(17), table_ids=named)
    is_well(stand, now=minutes(18))


def test_a_party_is_seated_straight_from_the_list_at_the_best_free_table(db: Engine) -> None:
    stand = door_stand(db, tables=TWO)
    seated_party(stand, "1")
    number = wait(stand)
    stand.move(seat, number, now=minutes(3))
    assert stand.held(number) == {"2": (0, 6)}
    other = wait(stand)
    with pytest.raises(StateConflict, match="no table"):
        stand.move(seat, other, now=minutes(4))
    assert stand.row(other).status == "waitlisted"


def test_a_party_passed_over_lets_the_next_go_first_and_the_reason_is_kept(db: Engine) -> None:
    stand = door_stand(db)
    first, second, third = (wait(stand, now=minutes(at)) for at in (0, 0.5, 1))
    stand.move(call_to_table, first, now=minutes(1))
    stand.move(pass_over, first, now=minutes(2), why="wants the terrace")
    assert line(stand, now=minutes(2)) == [(second, 1), (first, 2), (third, 3)]
    assert entry(stand, first).ready_until is None
    assert call_next(minutes(30)) == 0
    assert history(stand, first)[-1] == ("waitlisted", "waitlisted", "passed_over")
    is_well(stand, now=minutes(31))


def test_leaving_twice_is_leaving_once(db: Engine) -> None:
    stand = door_stand(db)
    first, second = wait(stand, phone=PHONE), wait(stand)
    for _ in range(2):
        stand.move(leave_list, first, now=minutes(5))
    assert line(stand, now=minutes(6)) == [(second, 1)]
    assert history(stand, first)[-1] == ("waitlisted", "cancelled", "left")
    assert len(sent(stand, first)) == 1
    is_well(stand, now=minutes(6))


def test_a_party_at_the_door_is_neither_promoted_nor_expired_by_the_waitlist(db: Engine) -> None:
    stand = door_stand(db)
    early = START.replace(hour=15, minute=30)  # half an hour before the first start
    number = wait(stand, now=early)
    taken = stand.ask(2, start=START.replace(hour=16), now=NOW)
    stand.cancel(taken, now=early)
    assert stand.row(number).status == "waitlisted"
    late = minutes(60)
    assert stand.do(lambda session: expire_waitlists(session, now=late, limit=9)) == 0
    is_well(stand, now=late)


def test_the_list_ends_with_its_evening(db: Engine) -> None:
    stand = door_stand(db)
    number = wait(stand, phone=PHONE)
    assert stand.do(lambda session: end_lists(session, now=minutes(359), limit=9)) == 0
    assert stand.do(lambda session: end_lists(session, now=minutes(360), limit=9)) == 1
    assert history(stand, number)[-1] == ("waitlisted", "expired", "list_over")
    is_well(stand, now=minutes(361))


def test_the_host_seats_a_party_from_the_waitlist_of_a_date(db: Engine) -> None:
    stand = door_stand(db)
    stand.ask(2)
    waits = stand.ask(2)
    assert stand.row(waits).status == "waitlisted"
    with pytest.raises(StateConflict):
        stand.move(seat, waits, now=START)
    stand.move(pass_over, waits, now=START, why="not here yet")
    free = stand.ask(1, start=minutes(-90))
    stand.move(seat, free, now=minutes(-90))
    is_well(stand, now=minutes(1))


def test_a_waitlisted_party_is_seated_beyond_the_pacing(db: Engine) -> None:
    stand = door_stand(db, tables=TWO, pacing={"covers": 2})
    stand.ask(2)
    waits = stand.ask(2)
    assert (stand.row(waits).status, stand.row(waits).reason) == ("waitlisted", "pacing")
    stand.move(seat, waits, now=START)
    assert stand.row(waits).status == "seated"
    is_well(stand, now=minutes(1))


def test_quotes_are_held_against_the_truth(db: Engine) -> None:
    stand = door_stand(db)
    party = seated_party(stand)
    in_time, late = (wait(stand, now=minutes(60)) for _ in range(2))
    stand.move(finish, party, now=minutes(95))
    stand.move(seat, in_time, now=minutes(95))
    stand.move(finish, in_time, now=minutes(300))
    stand.move(seat, late, now=minutes(320))
    wait(stand, now=minutes(321))

    def work(session: object) -> Accuracy:
        return accuracy(session, stand.restaurant.id, since=START, until=minutes(600))  # type: ignore[arg-type]

    found = stand.do(work)
    assert (found.parties, found.within, found.late, found.early) == (2, 1, 1, 0)
    assert stand.row(late).reason is None
    assert STAFF == "staff:1"


def test_a_party_seated_by_mistake_is_back_on_the_list(db: Engine) -> None:
    stand = door_stand(db)
    number = wait(stand, phone=PHONE)
    stand.move(seat, number, now=minutes(3))
    stand.move(take_back, number, now=minutes(4))
    assert line(stand, now=minutes(4)) == [(number, 1)]
    assert (stand.held(number), entry(stand, number).served_at) == ({}, None)
    is_well(stand, now=minutes(5))
    stand.move(seat, number, now=minutes(6))
    is_well(stand, now=minutes(7))


def test_a_party_that_left_by_mistake_is_back_in_its_place(db: Engine) -> None:
    stand = door_stand(db)
    first, second = wait(stand, phone=PHONE), wait(stand, now=minutes(1))
    stand.move(leave_list, first, now=minutes(2))
    stand.move(take_back, first, now=minutes(3))
    assert line(stand, now=minutes(3)) == [(first, 1), (second, 2)]
    is_well(stand, now=minutes(4))


def test_the_staff_change_the_size_of_a_party_at_the_door_and_it_keeps_its_place(
    db: Engine,
) -> None:
    stand = door_stand(db, tables={"1": ("hall", 1, 2), "2": ("hall", 3, 4)})
    first, second = wait(stand, phone=PHONE), wait(stand, now=minutes(1))
    stand.move(call_to_table, first, now=minutes(2))
    more = TableChange(party_size=4)
    stand.move(change_by_staff, first, now=minutes(3), change=more)
    assert (stand.row(first).party_size, stand.held(first)) == (4, {})
    assert line(stand, now=minutes(3)) == [(first, 1), (second, 2)]
    with pytest.raises(Invalid):
        stand.move(change_by_staff, first, now=minutes(4), change=TableChange(party_size=9))
    with pytest.raises(Invalid):
        stand.move(change_by_staff, first, now=minutes(4), change=TableChange(starts_at=START))
    stand.move(seat, first, now=minutes(5))
    assert stand.held(first) == {"2": (0, 7)}
    is_well(stand, now=minutes(6))


def test_a_contact_that_is_added_later_is_sent_the_link(db: Engine) -> None:
    stand = door_stand(db)
    number = wait(stand)
    assert sent(stand, number) == []
    guest = GuestDetails("Ada", phone=PHONE)
    stand.move(edit_details, number, now=minutes(20), guest=guest, by_staff=True)
    assert sent(stand, number) == [("waitlisted", "sms", "queued")]
    stand.move(call_to_table, number, now=minutes(21))
    assert [kind for kind, _, _ in sent(stand, number)] == ["waitlisted", "table_ready"]
    is_well(stand, now=minutes(22))


def test_a_blocked_table_is_neither_quoted_nor_given(db: Engine) -> None:
    stand = door_stand(db)
    block = BlockedTable(
        dining_table_id=stand.restaurant.tables["1"],
        block_id=1,
        restaurant_id=stand.restaurant.id,
        first_quarter=quarter_of(START),
        last_quarter=quarter_of(minutes(59)),
    )
    stand.plant(block)
    number = wait(stand)
    assert (entry(stand, number).quoted_low, entry(stand, number).quoted_high) == (60, 65)
    with pytest.raises(NotSeated):
        stand.move(call_to_table, number, now=minutes(5))


def test_a_party_is_called_to_no_table_that_it_could_not_sit_at(db: Engine) -> None:
    stand = door_stand(db)
    stand.book(2, start=minutes(45))
    number = wait(stand, phone="+4930123456")
    with pytest.raises(NotSeated):
        stand.move(call_to_table, number, now=minutes(1))
