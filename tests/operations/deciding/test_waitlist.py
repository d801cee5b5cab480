"""The waitlist: freed tables go to waiting parties in order of arrival; the others are declined."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, update

from models.core.errors import NotSeated, StateConflict
from models.entities import Closure, Restaurant, ShiftDay
from models.operations.deciding.waitlist import expire_waitlists
from models.operations.reservations.changes import cancel_reservation
from models.operations.stand.arrivals import finish, mark_no_show, seat
from models.operations.stand.confirming import confirm_waitlisted
from models.rules.restaurant.restaurant import book_id
from tests.operations.evenings import (
    HOUR,
    LUNCH_AND_DINNER,
    ONE_TABLE,
    QUARTER,
    TWO_TABLES,
    UNPACED,
    a_stand,
    book_rows,
    history,
    one_round,
    quarters_held,
    reasons,
    revise,
    statuses,
    told,
    wish_row,
)
from tests.services.counting import counting
from tests.services.running.stand import NOW, START, Stand

pytestmark = pytest.mark.both

ADA: dict[str, Any] = {"email": "ada@example.com"}
DAY = timedelta(days=1)


def expire(stand: Stand, *, now: Any, limit: int = 100) -> int:
    return stand.do(lambda session: expire_waitlists(session, now=now, limit=limit))


def test_a_freed_table_goes_to_the_first_on_the_waitlist(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    first = stand.ask()
    waiting = [stand.ask(), stand.ask()]
    stand.cancel(first)
    assert statuses(stand, waiting) == ["confirmed", "waitlisted"]
    row = stand.row(waiting[0])
    assert (row.reason, stand.held(row.id)) == (None, {"1": (0, 6)})
    assert history(stand, row.id)[1:] == [("waitlisted", "confirmed", "promotion")]
    assert told(stand, row.id) == ["waitlisted", "confirmation"]
    assert told(stand, waiting[1]) == ["waitlisted"]
    assert not book_rows(stand)[0].freed_at
    stand.cancel(waiting[0])
    assert stand.row(waiting[1]).status == "confirmed"


def test_what_lunch_gives_back_dinners_waitlist_is_asked_about(db: Engine) -> None:
    """One table for the last turn of lunch and the first of dinner: two books, one floor."""
    stand = a_stand(db, tables=ONE_TABLE, shifts=LUNCH_AND_DINNER)
    late_lunch = START - 3 * HOUR
    lunch = stand.ask(start=late_lunch)
    early_dinner = stand.ask(start=late_lunch + HOUR)
    assert statuses(stand, [lunch, early_dinner]) == ["confirmed", "waitlisted"]
    assert stand.row(lunch).book_id != stand.row(early_dinner).book_id
    stand.cancel(lunch)
    assert stand.row(early_dinner).status == "confirmed"
    assert told(stand, early_dinner) == ["waitlisted", "confirmation"]


def test_the_waitlist_comes_before_new_requests(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    first, waiting = stand.ask(), stand.ask()
    later = stand.request()
    stand.cancel(first)
    assert statuses(stand, [waiting, later]) == ["confirmed", "waitlisted"]


def test_a_party_that_does_not_fit_is_passed_over_and_waits_on(db: Engine) -> None:
    stand = a_stand(db, tables={"1": ("hall", 1, 2), "2": ("terrace", 1, 4)})
    numbers = [stand.ask(2), stand.ask(4)]
    waiting = [stand.ask(4), stand.ask(2, area_key="terrace"), stand.ask(2), stand.ask(2)]
    stand.cancel(numbers[0])
    assert statuses(stand, waiting) == ["waitlisted", "waitlisted", "confirmed", "waitlisted"]
    stand.cancel(numbers[1])
    assert statuses(stand, waiting)[0] == "confirmed"


def test_one_cancellation_may_seat_several(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    middle = stand.ask(start=START)
    waiting = [
        stand.ask(start=START - 4 * QUARTER),
        stand.ask(start=START + 2 * QUARTER),
        stand.ask(start=START - QUARTER),
    ]
    assert statuses(stand, waiting) == ["waitlisted"] * 3
    stand.cancel(middle)
    assert statuses(stand, waiting) == ["confirmed", "confirmed", "waitlisted"]


def test_a_guest_that_found_a_table_meanwhile_is_passed_over(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    first = stand.ask()
    waiting = [stand.ask(**ADA), stand.ask()]
    elsewhere = stand.ask(**ADA, start=START + 7 * QUARTER)
    assert stand.row(elsewhere).status == "confirmed"
    stand.cancel(first)
    assert statuses(stand, waiting) == ["waitlisted", "confirmed"]


def test_one_guest_who_waits_twice_gets_one_table(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    numbers = [stand.ask(), stand.ask()]
    waiting = [stand.ask(**ADA), stand.ask(**ADA)]
    for number in numbers:
        stand.do(lambda session, number=number: _cancel(session, number))  # type: ignore[misc]
    stand.drain()
    assert statuses(stand, waiting) == ["confirmed", "waitlisted"]


def _cancel(session: Any, number: int) -> None:
    from_guest: dict[str, Any] = {"now": NOW, "actor": "guest", "by_staff": False}
    cancel_reservation(session, number, **from_guest)


def test_freed_covers_count_as_well_as_freed_tables(db: Engine) -> None:
    stand = a_stand(db, policies={"pacing": {"covers": 4}})
    first, waiting = stand.ask(4), stand.ask(2)
    assert reasons(stand, [waiting]) == ["pacing"]
    stand.cancel(first)
    assert stand.row(waiting).status == "confirmed"


def test_a_change_that_frees_a_table_promotes_before_later_requests(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    first, waiting = stand.ask(), stand.ask()
    stand.wish(first, starts_at=START + 8 * QUARTER)
    later = stand.request(now=NOW + timedelta(seconds=1))
    round_ = one_round(stand)
    assert round_.more  # a party that begins to wait in this round is considered in the next
    assert statuses(stand, [first, waiting, later]) == ["confirmed", "confirmed", "waitlisted"]
    assert (one_round(stand).count, one_round(stand).more) == (0, False)
    assert quarters_held(stand) == 12
    assert told(stand, waiting) == ["waitlisted", "confirmation"]


def test_a_cancellation_and_a_change_in_one_round_promote_one_each(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    numbers = [stand.ask(), stand.ask()]
    waiting = [stand.ask() for _ in range(3)]
    stand.do(lambda session: _cancel(session, numbers[0]))
    stand.wish(numbers[1], starts_at=START + 8 * QUARTER)
    assert one_round(stand).count == 3
    assert statuses(stand, waiting) == ["confirmed", "confirmed", "waitlisted"]
    assert quarters_held(stand) == 18
    stand.drain()
    assert [told(stand, number) for number in waiting[:2]] == [["waitlisted", "confirmation"]] * 2


def test_a_waitlist_that_the_restaurant_gave_up_keeps_its_parties(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    numbers = [stand.ask(), stand.ask()]
    waiting = [stand.ask(), stand.ask()]
    given_up = UNPACED | {"waitlist": False}
    revise(stand, update(Restaurant).values(policies=given_up))
    stand.cancel(numbers[0])
    assert statuses(stand, [*waiting, stand.ask()]) == ["confirmed", "waitlisted", "declined"]


def test_a_party_waitlisted_in_this_round_is_considered_in_the_next(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    first = stand.ask()
    waiting = stand.request()
    stand.wish(first, starts_at=START + 8 * QUARTER, now=NOW + timedelta(seconds=1))
    one_round(stand)
    assert statuses(stand, [first, waiting]) == ["confirmed", "waitlisted"]
    one_round(stand)
    assert stand.row(waiting).status == "confirmed"
    assert told(stand, waiting) == ["waitlisted", "confirmation"]


def test_a_wish_of_a_party_that_was_just_promoted_is_decided_after(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    first, waiting = stand.ask(), stand.ask()
    wish = stand.wish(waiting, starts_at=START + 8 * QUARTER)
    stand.cancel(first)
    assert stand.held(waiting) == {"1": (8, 14)}
    assert wish_row(stand, wish).status == "accepted"
    assert told(stand, waiting) == ["waitlisted", "confirmation", "changed"]


def test_a_no_show_and_an_early_finish_free_tables_too(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    numbers = [stand.ask(), stand.ask()]
    late = [stand.ask(start=START + 3 * QUARTER), stand.ask(start=START + 4 * QUARTER)]
    assert statuses(stand, late) == ["waitlisted"] * 2
    stand.move(mark_no_show, numbers[0], now=START + QUARTER)
    stand.drain(now=START + QUARTER)
    assert statuses(stand, late) == ["confirmed", "waitlisted"]
    stand.move(seat, numbers[1], now=START)
    stand.move(finish, numbers[1], now=START + 2 * QUARTER)
    stand.drain(now=START + 2 * QUARTER)
    assert statuses(stand, late) == ["confirmed", "confirmed"]


def test_mistake_8_nobody_is_promoted_once_the_start_has_come(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    first, waiting = stand.ask(), stand.ask()
    stand.move(mark_no_show, first, now=START)
    stand.drain(now=START)
    assert stand.row(waiting).status == "waitlisted"
    assert not book_rows(stand)[0].freed_at  # and it is not considered again
    assert expire(stand, now=START) == 1


def test_mistake_8_a_party_that_cannot_be_seated_does_not_block_the_list(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies={"waitlist_parties": 2})
    first = stand.ask()
    waiting = [stand.ask(**ADA), stand.ask()]
    stand.ask(**ADA, start=START + 7 * QUARTER)
    stand.cancel(first)
    assert statuses(stand, waiting) == ["waitlisted", "confirmed"]
    stand.cancel(waiting[0])
    assert [stand.row(stand.ask()).status for _ in range(3)] == ["waitlisted"] * 2 + ["declined"]


def test_the_length_of_the_list_does_not_drift(db: Engine) -> None:
    """Two places; whatever comes and goes in one round, two parties wait at the end."""
    stand = a_stand(db, tables=ONE_TABLE, policies={"waitlist_parties": 2})
    first = stand.ask()
    waiting = [stand.ask(), stand.ask()]
    assert stand.row(stand.ask()).reason == "waitlist_full"
    more = [stand.request() for _ in range(2)]
    stand.cancel(first)  # one is promoted, so one place is free, not two
    assert statuses(stand, [*waiting, *more]) == [
        "confirmed",
        "waitlisted",
        "waitlisted",
        "declined",
    ]


def test_a_closed_day_keeps_its_waitlist_until_it_expires(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    first, waiting = stand.ask(), stand.ask()
    revise(stand, Closure(restaurant_id=stand.restaurant.id, on_date=START.date()))
    stand.cancel(first)
    assert stand.row(waiting).status == "waitlisted"
    assert not book_rows(stand)[0].freed_at
    assert expire(stand, now=START) == 1


def test_more_freed_books_than_a_round_takes_are_all_asked(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies={"window_days": 90})
    days = [START + number * DAY for number in range(20)]
    pairs = [(stand.request(start=day), stand.request(start=day)) for day in days]
    stand.drain()
    for first, _ in pairs:
        stand.do(lambda session, first=first: _cancel(session, first))  # type: ignore[misc]
    stand.plant(*[_empty_book(stand, number) for number in range(60)])
    assert one_round(stand).more
    while one_round(stand).more:
        pass
    assert statuses(stand, [second for _, second in pairs]) == ["confirmed"] * len(pairs)


def _empty_book(stand: Stand, number: int) -> ShiftDay:
    """A book freed long ago, which is first in order."""
    day = (START - (400 + number) * DAY).date()
    shift = stand.restaurant.shifts["dinner"]
    number = book_id(shift, day)
    return ShiftDay(
        id=number,
        restaurant_id=stand.restaurant.id,
        shift_id=shift,
        service_date=day,
        freed_at=NOW - 400 * DAY,
    )


# --- the end of the wait


def test_a_party_still_waitlisted_at_its_start_is_told(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    stand.ask()
    waiting = [stand.ask(), stand.ask(start=START + QUARTER)]
    before = timedelta(seconds=1)
    assert expire(stand, now=START - before) == 0
    assert expire(stand, now=START) == 1
    assert statuses(stand, waiting) == ["expired", "waitlisted"]
    assert told(stand, waiting[0]) == ["waitlisted", "declined"]
    assert history(stand, waiting[0])[1:] == [("waitlisted", "expired", "expired")]
    assert expire(stand, now=START) == 0
    assert expire(stand, now=START + HOUR) == 1


def test_a_wish_of_an_expired_party_falls(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    stand.ask()
    waiting = stand.ask()
    wish = stand.wish(waiting, starts_at=START + 8 * QUARTER)
    assert expire(stand, now=START) == 1
    stand.drain(now=START)
    assert wish_row(stand, wish).status == "dropped"
    assert stand.row(waiting).status == "expired"


@pytest.mark.parametrize("waiting", [2, 15])
def test_expiring_many_costs_no_more_than_expiring_two(db: Engine, waiting: int) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    stand.ask()
    numbers = [stand.request() for _ in range(waiting + 1)]
    stand.drain()
    with counting(db) as statements:
        assert expire(stand, now=START, limit=waiting) == waiting
    verbs = [text.split()[0] for text in statements.sql]
    # parties, lock, parties again, restaurants; rows, history, messages, the book
    assert verbs == ["SELECT"] * 4 + ["UPDATE", "INSERT", "INSERT", "UPDATE"]
    assert expire(stand, now=START) == 1
    assert set(statuses(stand, numbers)) == {"expired"}


def test_a_book_freed_for_nobody_is_forgotten_without_a_trace(db: Engine) -> None:
    stand = a_stand(db)
    stand.ask()
    stand.plant(update(ShiftDay).values(freed_at=NOW))
    revision = stand.revision()
    assert (one_round(stand).count, one_round(stand).count) == (0, 0)
    assert stand.revision() == revision
    assert not book_rows(stand)[0].freed_at


def test_nobody_is_promoted_whose_start_is_nearer_than_the_lead_time(db: Engine) -> None:
    """A guest promoted five seconds before the start cannot come, and would be a no-show."""
    stand = a_stand(db, tables=TWO_TABLES, policies={"lead_minutes": 30})
    taken = [stand.ask(), stand.ask()]
    near, far = stand.ask(), stand.ask(start=START + QUARTER)
    now = START - 2 * QUARTER + timedelta(seconds=1)
    for number in taken:
        stand.cancel(number, now=now)
    assert statuses(stand, [near, far]) == ["waitlisted", "confirmed"]
    assert told(stand, near) == ["waitlisted"]
    assert expire(stand, now=START) == 1
    assert told(stand, near) == ["waitlisted", "declined"]


def test_waitlisted_parties_are_promoted_up_to_the_lead_time(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies={"lead_minutes": 30})
    first, waits = stand.ask(), stand.ask()
    stand.cancel(first, now=START - 2 * QUARTER)
    assert stand.row(waits).status == "confirmed"


def test_the_staff_confirm_a_waitlisted_party_inside_the_lead_time(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies={"lead_minutes": 30})
    first, waits = stand.ask(), stand.ask()
    now = START - timedelta(minutes=5)
    with pytest.raises(NotSeated):
        stand.move(confirm_waitlisted, waits, now=now)
    stand.cancel(first, now=now)
    assert stand.row(waits).status == "waitlisted"
    for _ in range(2):
        stand.move(confirm_waitlisted, waits, now=now)
    assert stand.held(waits) == {"1": (0, 6)}
    assert history(stand, waits)[1:] == [("waitlisted", "confirmed", "promotion")]
    assert told(stand, waits) == ["waitlisted", "confirmation"]
    with pytest.raises(StateConflict):
        stand.move(confirm_waitlisted, first, now=now)
