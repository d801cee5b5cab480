"""Scheduled jobs at the stand: automatic no-shows and finishes where enabled, and every end."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Engine, update

from models.core.database.transactions import reading
from models.core.errors import StateConflict
from models.entities import Reservation
from models.integrity.check import findings
from models.operations.reservations.changes import cancel_reservation
from models.operations.stand.arrivals import arrive, finish, mark_no_show, seat
from models.operations.stand.overdue import end_evenings, finish_overdue, mark_no_shows
from models.operations.stand.undo import take_back
from models.rules.reservations.lifecycle import OVER_AFTER
from tests.queries.evening import send_due
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import START, Stand

pytestmark = pytest.mark.both
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
#: two areas full of guests, and one table that is never booked
TABLES = {"1": ("hall", 1, 2), "2": ("hall", 1, 2), "bar": ("bar", 9, 9)}
POLICIES = {"reminder_minutes": [], "no_show_grace_minutes": 20, "auto_finish_minutes": 40}
CHOSEN = POLICIES | {"auto_no_show": True, "auto_finish": True}


@pytest.fixture
def stand(db: Engine, restaurant: Callable[..., OpenRestaurant]) -> Stand:
    """A restaurant with automatic no-shows and finishes, whose stand is in use."""
    return in_use(Stand(db, restaurant(tables=TABLES, policies=CHOSEN)))


def in_use(stand: Stand) -> Stand:
    """A party has arrived there and left."""
    number = stand.book(1, tables=("bar",), start=START - 2 * HOUR)
    stand.move(arrive, number, now=START - 2 * HOUR)
    stand.move(finish, number, now=START - HOUR)
    return stand


def minutes(count: float) -> datetime:
    """So long after the start."""
    return START + timedelta(minutes=count)


def run(job: Callable[..., int], stand: Stand, *, now: datetime, limit: int = 100) -> int:
    return stand.do(lambda session: job(session, now=now, limit=limit))


def in_order(stand: Stand, *, now: datetime) -> bool:
    stand.drain(now=now)
    send_due(stand, until=now)
    with reading(stand.bind) as session:
        assert findings(session, now=now, grace_seconds=0) == []
    return True


def test_a_no_show_when_the_grace_is_over(stand: Stand) -> None:
    number = stand.ask(2)
    assert run(mark_no_shows, stand, now=minutes(19.99)) == 0
    assert stand.row(number).status == "confirmed"
    assert run(mark_no_shows, stand, now=minutes(20)) == 1
    assert stand.row(number).status == "no_show"
    assert stand.held(number) == {}
    assert run(mark_no_shows, stand, now=minutes(21)) == 0
    assert stand.row(number).revision == 3
    assert in_order(stand, now=minutes(21))


def test_an_arrived_party_is_no_no_show(stand: Stand) -> None:
    arrived, seated = stand.ask(2), stand.ask(2)
    waits = stand.ask(2)
    stand.move(arrive, arrived, now=minutes(5))
    stand.move(seat, seated, now=minutes(5))
    assert run(mark_no_shows, stand, now=minutes(60)) == 0
    assert [stand.row(each).status for each in (arrived, seated, waits)] == [
        "arrived",
        "seated",
        "waitlisted",
    ]


def test_a_no_show_s_table_goes_to_the_waitlist(stand: Stand) -> None:
    stand.ask(2)
    stand.ask(2)
    waits = stand.ask(2, start=minutes(60))
    assert run(mark_no_shows, stand, now=minutes(20)) == 2
    stand.drain(now=minutes(20))
    assert stand.row(waits).status == "confirmed"
    assert in_order(stand, now=minutes(20))


def test_what_the_staff_say_afterwards_stands(stand: Stand) -> None:
    """An undone no-show and a booking recorded late: the jobs do not override them."""
    number = stand.ask(2)
    stand.move(mark_no_show, number, now=minutes(20))
    stand.move(take_back, number, now=minutes(25))
    late = stand.book(2, tables=("2",), now=minutes(40))
    for now in (minutes(41), minutes(89), minutes(90), minutes(300)):
        assert run(mark_no_shows, stand, now=now) == 0
    for each in (number, late):
        stand.move(finish, each, now=minutes(301))
    assert [stand.row(each).status for each in (number, late)] == ["finished", "finished"]
    assert in_order(stand, now=minutes(301))


def test_nobody_is_a_no_show_where_the_restaurant_did_not_choose_it(
    db: Engine, restaurant: Callable[..., OpenRestaurant]
) -> None:
    stand = in_use(Stand(db, restaurant(tables=TABLES, policies=POLICIES)))
    number = stand.ask(2)
    assert run(mark_no_shows, stand, now=minutes(300)) == 0
    assert stand.held(number) == {"1": (0, 6)}


def test_nobody_is_a_no_show_where_nobody_stands_at_the_stand(
    db: Engine, restaurant: Callable[..., OpenRestaurant]
) -> None:
    stand = Stand(db, restaurant(tables=TABLES, policies=CHOSEN))
    stand.move(arrive, stand.ask(1, start=START - DAY), now=START - DAY)  # another evening
    number = stand.ask(2)
    assert run(mark_no_shows, stand, now=minutes(60)) == 0
    in_use(stand)
    assert run(mark_no_shows, stand, now=minutes(60)) == 1
    assert stand.row(number).status == "no_show"


def test_nobody_is_finished_where_the_restaurant_did_not_choose_it(
    db: Engine, restaurant: Callable[..., OpenRestaurant]
) -> None:
    stand = Stand(db, restaurant(tables=TABLES, policies=POLICIES))
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(0))
    assert run(finish_overdue, stand, now=minutes(300)) == 0
    assert stand.row(number).status == "seated"


def test_one_restaurant_s_long_grace_stops_nobody_else(
    stand: Stand, db: Engine, restaurant: Callable[..., OpenRestaurant]
) -> None:
    patient = CHOSEN | {"no_show_grace_minutes": 400, "auto_finish_minutes": 400}
    slow = in_use(Stand(db, restaurant(slug="slow", tables=TABLES, policies=patient)))
    sits = slow.book(2, tables=("1",), start=START - HOUR)
    slow.move(seat, sits, now=START - HOUR)
    waits = slow.book(2, tables=("2",), start=START - HOUR, now=START - 2 * HOUR)
    absent, overstays = stand.book(2, tables=("1",)), stand.book(2, tables=("2",))
    stand.move(seat, overstays, now=minutes(0))
    is_used(stand, now=minutes(100))
    # the slow one's parties are the longest overdue, and the limit is one
    assert run(mark_no_shows, stand, now=minutes(140), limit=1) == 1
    assert run(finish_overdue, stand, now=minutes(140), limit=1) == 1
    assert [stand.row(each).status for each in (absent, overstays)] == ["no_show", "finished"]
    assert [slow.row(each).status for each in (waits, sits)] == ["confirmed", "seated"]


def test_each_restaurant_has_its_own_grace(
    stand: Stand, db: Engine, restaurant: Callable[..., OpenRestaurant]
) -> None:
    quicker = CHOSEN | {"no_show_grace_minutes": 0}
    other = in_use(Stand(db, restaurant(slug="other", tables=TABLES, policies=quicker)))
    patient, quick = stand.ask(2), other.ask(2)
    assert run(mark_no_shows, stand, now=minutes(0)) == 1
    assert (stand.row(patient).status, stand.row(quick).status) == ("confirmed", "no_show")


def test_no_more_than_the_limit_the_longest_overdue_first(stand: Stand) -> None:
    numbers = [stand.ask(2, start=minutes(-15 * each)) for each in range(2)]
    assert run(mark_no_shows, stand, now=minutes(60), limit=1) == 1
    assert [stand.row(each).status for each in numbers] == ["confirmed", "no_show"]
    assert run(mark_no_shows, stand, now=minutes(60), limit=1) == 1
    assert run(mark_no_shows, stand, now=minutes(60), limit=1) == 0


def test_a_party_that_arrives_while_the_job_runs_is_left_alone(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = stand.ask(2)

    def arrive_before_the_lock(session: object, _books: object) -> None:
        table = update(Reservation).where(Reservation.id == number)
        session.execute(table.values(status="arrived"))  # type: ignore[attr-defined]

    monkeypatch.setattr("models.operations.deciding.due.lock_books", arrive_before_the_lock)
    assert run(mark_no_shows, stand, now=minutes(60)) == 0
    assert stand.row(number).status == "arrived"


def is_used(stand: Stand, *, now: datetime) -> None:
    """The staff record something about another party of the same book."""
    number = stand.book(1, tables=("bar",), start=START, now=now)
    stand.move(partial(cancel_reservation, by_staff=True), number, now=now)


def test_nobody_is_finished_by_the_clock_while_the_stand_is_not_in_use(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(0))
    is_used(stand, now=minutes(89))
    assert run(finish_overdue, stand, now=minutes(300)) == 0
    is_used(stand, now=minutes(90))
    assert run(finish_overdue, stand, now=minutes(300)) == 1
    assert in_order(stand, now=minutes(300))


def test_a_forgotten_finish(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(0))
    is_used(stand, now=minutes(100))
    assert run(finish_overdue, stand, now=minutes(129.99)) == 0
    assert run(finish_overdue, stand, now=minutes(130)) == 1
    row = stand.row(number)
    assert (row.status, row.finished_at) == ("finished", minutes(130))
    assert run(finish_overdue, stand, now=minutes(131)) == 0
    assert in_order(stand, now=minutes(131))


def test_the_turn_of_a_party_seated_late_ends_later(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(30))
    is_used(stand, now=minutes(130))
    assert run(finish_overdue, stand, now=minutes(159.99)) == 0
    assert run(finish_overdue, stand, now=minutes(160)) == 1


def test_a_party_that_is_not_seated_is_not_finished(stand: Stand) -> None:
    confirmed, arrived = stand.ask(2), stand.ask(2)
    stand.move(arrive, arrived, now=minutes(0))
    assert run(finish_overdue, stand, now=minutes(600)) == 0
    assert stand.row(confirmed).status == "confirmed"


def test_a_finish_taken_back_is_not_finished_again_by_the_clock(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(0))
    is_used(stand, now=minutes(100))
    run(finish_overdue, stand, now=minutes(130))
    stand.move(take_back, number, now=minutes(133))
    assert run(finish_overdue, stand, now=minutes(400)) == 0
    assert stand.row(number).status == "seated"
    assert in_order(stand, now=minutes(400))


def test_a_clock_that_stood_still_for_a_week_ends_them_all_the_same(stand: Stand) -> None:
    number, absent = stand.ask(2), stand.ask(2)
    stand.move(seat, number, now=minutes(0))
    is_used(stand, now=minutes(100))
    late = START + timedelta(days=7)
    assert run(finish_overdue, stand, now=late) == 1
    assert run(mark_no_shows, stand, now=late) == 1
    assert (stand.row(number).status, stand.row(absent).status) == ("finished", "no_show")
    run(end_evenings, stand, now=late)
    assert in_order(stand, now=late)


# --- the end of the evening


def test_the_evening_ends_for_all_parties_without_a_recorded_end(
    db: Engine, restaurant: Callable[..., OpenRestaurant]
) -> None:
    stand = Stand(db, restaurant(tables=TABLES | {"3": ("hall", 1, 2)}, policies=POLICIES))
    expected, came, sits = stand.ask(2), stand.ask(2), stand.ask(2)
    stand.move(arrive, came, now=minutes(0))
    stand.move(seat, sits, now=minutes(0))
    over = minutes(90) + OVER_AFTER
    assert run(end_evenings, stand, now=over - timedelta(seconds=1)) == 0
    assert run(end_evenings, stand, now=over) == 3
    for number in (expected, came, sits):
        row = stand.row(number)
        assert (row.status, row.finished_at) == ("finished", minutes(90))
    assert run(end_evenings, stand, now=over) == 0
    assert stand.ask(2, start=minutes(90), now=START - DAY)  # the tables are free
    assert in_order(stand, now=over)


def test_what_the_clock_assumed_can_be_set_right(
    db: Engine, restaurant: Callable[..., OpenRestaurant]
) -> None:
    stand = Stand(db, restaurant(tables=TABLES, policies=POLICIES))
    absent, late = stand.ask(2), stand.ask(2)
    stand.move(arrive, late, now=minutes(5))
    morning = minutes(90) + OVER_AFTER
    assert run(end_evenings, stand, now=morning) == 2
    stand.move(mark_no_show, absent, now=morning)
    stand.move(take_back, late, now=morning)
    assert [stand.row(each).status for each in (absent, late)] == ["no_show", "arrived"]
    assert in_order(stand, now=morning)


def test_finishing_twice_is_the_same_as_once(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(0))
    for later in (60, 70):
        stand.move(finish, number, now=minutes(later))
    assert (stand.row(number).revision, stand.row(number).finished_at) == (4, minutes(60))


# --- arrivals after the turn


@pytest.mark.parametrize("verb", [arrive, finish], ids=["arrived", "they came"])
@pytest.mark.parametrize("later", [95, 40], ids=["after its turn", "within its turn"])
def test_a_no_show_who_came_after_all_had_no_table_that_was_given_away(
    stand: Stand, verb: Callable[..., None], later: int
) -> None:
    absent = stand.book(2, tables=("1",))
    stand.move(mark_no_show, absent, now=minutes(20))
    other = stand.book(2, tables=("1",), start=minutes(30), now=minutes(25))
    stand.move(seat, other, now=minutes(30))
    if verb is arrive and later < 90:
        with pytest.raises(StateConflict):
            stand.move(verb, absent, now=minutes(later))
        return
    stand.move(verb, absent, now=minutes(later))
    assert stand.held(absent) == {}
    for now in (minutes(later), minutes(130), minutes(90) + OVER_AFTER):
        assert in_order(stand, now=now)
    run(end_evenings, stand, now=minutes(120) + OVER_AFTER)
    assert in_order(stand, now=minutes(120) + OVER_AFTER)
