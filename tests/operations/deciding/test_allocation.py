"""A lane's waiting parties are decided: correctly, in order, once, in few statements."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from models.core.errors import RestaurantUnreadable
from models.core.settings import settings
from models.entities import Assignment, Closure, Message, Reservation
from models.operations.reservations.booking import request_reservation
from models.queries.floor.load import forget_restaurants, restaurant_by_id
from models.rules.reservations.requests import GuestDetails, TableRequest
from models.rules.restaurant.sittings import quarter_of
from tests.operations.evenings import (
    HOUR,
    LUNCH_AND_DINNER,
    ONE_TABLE,
    QUARTER,
    TWO_TABLES,
    a_stand,
    alternatives,
    book_rows,
    history,
    one_round,
    quarters_held,
    reasons,
    revise,
    rows_of,
    statuses,
    told,
)
from tests.queries.evening import check
from tests.services.counting import counting
from tests.services.running.restaurant import ShiftTimes
from tests.services.running.stand import NOW, START, Stand
from tests.services.running.together import answers, together

pytestmark = pytest.mark.both


def ask_all(stand: Stand, count: int, **more: Any) -> list[int]:
    """So many guests request a table for two, then the lane decides."""
    numbers = [stand.request(**more) for _ in range(count)]
    stand.drain()
    return numbers


def test_a_confirmed_party_has_its_table_its_history_and_its_messages(db: Engine) -> None:
    stand = a_stand(db, policies={"buffer_minutes": 30})
    number = stand.ask(4, phone="+49301234567")
    row = stand.row(number)
    assert (row.status, row.revision, row.reason, row.alternatives) == ("confirmed", 2, None, None)
    assert row.decided_at == NOW
    assert row.ends_at == START + timedelta(minutes=105)
    assert stand.held(number) == {"3": (0, 9)}  # 105 minutes and the buffer
    assert history(stand, number) == [("requested", "confirmed", "decision")]
    with Session(db) as session:
        tables = session.scalars(select(Assignment.dining_table_id)).all()
        messages = session.scalars(select(Message).order_by(Message.id)).all()
    assert tables == [stand.restaurant.tables["3"]]
    sent = [(each.kind, each.channel, each.variant, each.due_at) for each in messages]
    day, hours = START - timedelta(days=1), START - timedelta(hours=3)
    assert sent == [
        ("confirmation", "email", 0, NOW),
        ("confirmation", "sms", 0, NOW),
        ("reminder", "email", 1440, day),
        ("reminder", "sms", 1440, day),
        ("reminder", "email", 180, hours),
        ("reminder", "sms", 180, hours),
    ]
    assert {each.reservation_revision for each in messages} == {2}
    [book] = book_rows(stand)
    assert (book.id, book.revision, book.freed_at) == (row.book_id, 1, None)


def test_tables_go_in_order_of_arrival_and_the_rest_wait_or_leave(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES, policies={"waitlist_parties": 1})
    numbers = [stand.request() for _ in range(3)]
    numbers += [stand.request(), stand.request(waitlist=False)]
    assert stand.drain() == 5
    expected = ["confirmed", "confirmed", "waitlisted", "declined", "declined"]
    assert statuses(stand, numbers) == expected
    assert reasons(stand, numbers) == [None, None, "full", "waitlist_full", "full"]
    kinds = [told(stand, number) for number in numbers]
    assert kinds == [["confirmation"]] * 2 + [["waitlisted"], ["declined"], ["declined"]]
    assert quarters_held(stand) == 12


def test_mistake_1_two_requests_at_once_share_no_table(db: Engine) -> None:
    """Both requested before any decision, for a book without a row."""
    stand = a_stand(db, tables=ONE_TABLE)
    numbers = answers(together(lambda _: stand.request(), [1, 2]))
    answers(together(lambda _: stand.drain(), [1, 2, 3]))
    assert sorted(statuses(stand, numbers)) == ["confirmed", "waitlisted"]
    assert quarters_held(stand) == 6


def test_mistake_2_the_first_request_has_the_table_though_undecided_yet(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    waiting = stand.request()
    later = stand.request()
    stand.drain()
    assert statuses(stand, [waiting, later]) == ["confirmed", "waitlisted"]


def test_mistake_3_seated_parties_are_seen_and_cancelled_ones_are_not(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies={"waitlist": False})
    first = stand.ask(start=START - 2 * QUARTER)
    assert stand.row(stand.ask(start=START)).status == "declined"
    assert stand.row(stand.ask(start=START - 7 * QUARTER)).status == "declined"
    stand.cancel(first)
    assert stand.held(stand.ask(start=START)) == {"1": (0, 6)}


def test_mistake_4_a_table_for_four_to_ten_takes_neither_two_nor_twenty(db: Engine) -> None:
    stand = a_stand(db, tables={"1": ("hall", 4, 10)}, policies={"max_party_online": 20})
    numbers = [stand.ask(2), stand.ask(20), stand.ask(3), stand.ask(4)]
    assert statuses(stand, numbers) == ["declined"] * 3 + ["confirmed"]
    assert reasons(stand, numbers[:3]) == ["party_too_large"] * 3


@pytest.mark.parametrize(
    ("party_size", "area", "reason"),
    [(5, "terrace", "party_too_large"), (8, None, "party_too_large"), (7, None, "pacing")],
)
def test_a_party_that_fits_no_table_does_not_wait(
    db: Engine, party_size: int, area: str | None, reason: str
) -> None:
    tables = {"1": ("hall", 1, 7), "2": ("terrace", 1, 4)}
    stand = a_stand(db, tables=tables, policies={"pacing": {"covers": 6}})
    number = stand.ask(party_size, area_key=area)
    assert (stand.row(number).status, stand.row(number).reason) == ("declined", reason)
    assert alternatives(stand, number) == []


def test_the_area_asked_for_is_the_area_given(db: Engine) -> None:
    stand = a_stand(db)
    numbers = [stand.ask(2, area_key="terrace"), stand.ask(2, area_key="terrace")]
    assert stand.held(numbers[0]) == {"6": (0, 6)}
    assert stand.row(numbers[1]).status == "waitlisted"


def test_large_parties_get_joined_tables(db: Engine) -> None:
    tables = {"1": ("hall", 1, 2), "2": ("hall", 1, 2), "3": ("hall", 3, 4)}
    stand = a_stand(db, tables=tables, combinations={"1+2": (["1", "2"], 3, 4)})
    numbers = [stand.ask(), stand.ask(4), stand.ask(4)]
    assert [list(stand.held(number)) for number in numbers] == [["1"], ["3"], []]
    stand.cancel(numbers[0])
    assert stand.held(numbers[2]) == {"1": (0, 7), "2": (0, 7)}


def test_the_pacing_holds_across_rounds_and_counts_parties_that_left(db: Engine) -> None:
    stand = a_stand(db, policies={"pacing": {"covers": 5, "parties": 2}})
    numbers = [stand.ask(2), stand.ask(4, waitlist=False), stand.ask(1), stand.ask(1)]
    assert statuses(stand, numbers) == ["confirmed", "declined", "confirmed", "waitlisted"]
    assert reasons(stand, numbers) == [None, "pacing", None, "pacing"]
    assert alternatives(stand, numbers[1]) == [-2 * QUARTER, -QUARTER, QUARTER]


def test_the_three_nearest_alternatives_leave_the_lead_time(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies={"lead_minutes": 60})
    stand.ask()
    full = stand.request(waitlist=False)
    stand.drain(now=START - timedelta(minutes=90))
    # the turn is six quarters, on both sides; -6 is half an hour ahead, less than the lead time
    assert alternatives(stand, full) == [6 * QUARTER, 7 * QUARTER, 8 * QUARTER]


def test_alternatives_stay_inside_the_booking_window(db: Engine) -> None:
    """A shift past midnight, on the last day of the window."""
    night = ShiftTimes(first=time(22), last=time(1), ends=time(3))
    policies = {"window_days": 4, "waitlist": False}
    stand = a_stand(db, tables=ONE_TABLE, shifts={"night": night}, policies=policies)
    late = START + 3 * HOUR + timedelta(minutes=15)  # 22:15
    stand.ask(start=late)
    full = stand.ask(start=late)
    assert alternatives(stand, full) == [  # 23:45, and nothing after midnight
        late + 6 * QUARTER - START
    ]


def test_lunchs_last_turns_are_seen_by_dinner(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, shifts=LUNCH_AND_DINNER)
    lunch, dinner = START - 3 * HOUR, START - 2 * HOUR  # 16:00 and 17:00
    numbers = [stand.request(start=lunch), stand.request(start=dinner, waitlist=False)]
    stand.drain()
    assert statuses(stand, numbers) == ["confirmed", "declined"]
    assert alternatives(stand, numbers[1])[0] == lunch + 6 * QUARTER - START
    # and in a round of its own, where lunch's book is not among the locked ones
    assert stand.row(stand.ask(start=dinner, waitlist=False)).status == "declined"
    assert len(book_rows(stand)) == 2


def test_books_are_decided_together_whichever_was_asked_for_first(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES, shifts=LUNCH_AND_DINNER)
    before = [stand.ask(start=START - 7 * HOUR), stand.ask()]  # a party sits in each
    numbers = [stand.request(), stand.request(start=START - 7 * HOUR), stand.request()]
    assert one_round(stand).count == 3
    assert statuses(stand, numbers) == ["confirmed", "confirmed", "waitlisted"]
    assert [list(stand.held(number)) for number in [*before, *numbers[:2]]] == [
        ["1"],
        ["1"],
        ["2"],
        ["2"],
    ]


def test_a_shift_past_midnight_is_one_book(db: Engine) -> None:
    night = ShiftTimes(first=time(22), last=time(1), ends=time(3))
    stand = a_stand(db, tables=ONE_TABLE, shifts={"night": night})
    before, after = START + 4 * HOUR, START + 5 * HOUR + QUARTER  # 23:00 and 00:15
    numbers = [stand.ask(start=before), stand.ask(start=after, waitlist=False)]
    assert statuses(stand, numbers) == ["confirmed", "declined"]
    last = stand.ask(start=START + 6 * HOUR)  # 01:00 on Saturday
    assert stand.held(last) == {"1": (24, 30)}
    [book] = book_rows(stand)
    assert book.service_date == date(2026, 3, 6)


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Asia/Kathmandu", datetime(2026, 3, 6, 13, 15, tzinfo=UTC)),
        ("Pacific/Chatham", datetime(2026, 3, 6, 5, 15, tzinfo=UTC)),
        ("America/St_Johns", datetime(2026, 3, 6, 22, 30, tzinfo=UTC)),
    ],
)
def test_mistake_5_zones_of_odd_quarters_seat_at_their_own_seven_o_clock(
    db: Engine, zone: str, start: datetime
) -> None:
    stand = a_stand(db, tables=ONE_TABLE, zone=zone)
    numbers = [stand.ask(start=start), stand.ask(start=start + QUARTER, waitlist=False)]
    assert statuses(stand, numbers) == ["confirmed", "declined"]
    moved = quarter_of(start) - quarter_of(START)
    assert stand.held(numbers[0]) == {"1": (moved, moved + 6)}


def test_a_closure_after_the_request_declines_it(db: Engine) -> None:
    stand = a_stand(db)
    waiting = stand.request()
    revise(stand, Closure(restaurant_id=stand.restaurant.id, on_date=START.date()))
    assert one_round(stand).count == 1
    row = stand.row(waiting)
    assert (row.status, row.reason) == ("declined", "closed")
    assert told(stand, waiting) == ["declined"]
    assert one_round(stand).count == 0


def test_a_request_decided_after_its_start_is_too_late(db: Engine) -> None:
    """The workers were away for long; the rest of that evening is offered."""
    stand = a_stand(db)
    number = stand.request()
    stand.drain(now=START + timedelta(minutes=20))
    row = stand.row(number)
    assert (row.status, row.reason) == ("declined", "too_late")
    assert alternatives(stand, number) == [4 * QUARTER, 5 * QUARTER, 6 * QUARTER]


SAME = [
    ({"email": "ada@example.com"}, {"email": " ADA@example.com"}),
    ({"email": None, "phone": "+49301"}, {"email": "other@example.com", "phone": "+49301"}),
]


@pytest.mark.parametrize(("first", "second"), SAME, ids=["e-mail", "phone"])
@pytest.mark.parametrize("together_", [True, False], ids=["one round", "two rounds"])
def test_one_guest_has_one_table_at_a_time(
    db: Engine, first: dict[str, Any], second: dict[str, Any], together_: bool
) -> None:
    stand = a_stand(db)
    numbers = [stand.request(**first)]
    if not together_:
        stand.drain()
    numbers += [stand.request(**second, start=START + 7 * QUARTER)]
    numbers += [stand.request(**second, start=START + 8 * QUARTER)]  # two hours apart: allowed
    stand.drain()
    assert statuses(stand, numbers) == ["confirmed", "declined", "confirmed"]
    assert reasons(stand, numbers) == [None, "same_guest", None]


@pytest.mark.parametrize("together_", [True, False], ids=["one round", "two rounds"])
@pytest.mark.parametrize(("first", "second"), SAME, ids=["e-mail", "phone"])
def test_a_request_for_a_second_table_sends_the_link_to_the_first_once(
    db: Engine, first: dict[str, Any], second: dict[str, Any], together_: bool
) -> None:
    stand = a_stand(db, policies={"reminder_minutes": []})
    numbers = [stand.request(**first)]
    if not together_:
        stand.drain()
    for _ in range(2):
        numbers += [stand.request(**second), stand.request(**second)]
        if not together_:
            stand.drain()
    stand.drain()
    by = "sms" if "phone" in first else "email"
    with Session(stand.bind) as session:
        rows = session.scalars(select(Message).order_by(Message.id)).all()
    said = [(row.kind, row.channel) for row in rows if row.reservation_id == numbers[0]]
    # the reason of one confirmed in the same round
    assert said[1:] == ([] if together_ else [("already_booked", by)])
    assert {row.state for row in rows if row.reservation_id != numbers[0]} == {"skipped"}
    assert check(stand, now=NOW) == []


def test_a_guest_who_cancelled_or_only_waits_may_ask_again(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    ada: dict[str, Any] = {"email": "ada@example.com"}
    first = stand.ask(**ada)
    stand.cancel(first)
    taken = stand.ask()
    waiting = [stand.ask(**ada), stand.ask(**ada, start=START + 6 * QUARTER)]
    assert statuses(stand, [taken, *waiting]) == ["confirmed", "waitlisted", "confirmed"]


def test_the_same_guest_at_two_restaurants_is_nobodys_business(db: Engine) -> None:
    stands = [a_stand(db), a_stand(db, slug="other")]
    numbers = [stand.request(email="ada@example.com") for stand in stands]
    for stand in stands:
        stand.drain()
    assert statuses(stands[0], numbers) == ["confirmed", "confirmed"]


def test_the_same_guest_by_another_contact_in_one_round(db: Engine) -> None:
    stand = a_stand(db)
    numbers = [
        stand.request(email="ada@example.com", phone="+49301"),
        stand.request(email="bo@example.com", phone="+49301"),
        stand.request(email="ada@example.com", phone="+49302"),
        stand.request(email="bo@example.com", phone="+49303"),
    ]
    stand.drain()
    assert statuses(stand, numbers) == ["confirmed", "declined", "declined", "confirmed"]


def test_deciding_twice_does_nothing_the_second_time(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    ask_all(stand, 3)
    before = [rows_of(stand, each) for each in (Message, Assignment)]
    again = one_round(stand)
    assert (again.count, again.awaited, again.messages, again.more) == (0, (), 0, False)
    assert [rows_of(stand, each) for each in (Message, Assignment)] == before
    assert book_rows(stand)[0].revision == 1


def test_a_round_takes_the_oldest_up_to_its_limit_and_says_that_there_is_more(db: Engine) -> None:
    stand = a_stand(db)
    numbers = [stand.request(start=START + number * QUARTER) for number in range(5)]
    first = one_round(stand, limit=2)
    assert (first.count, first.more) == (2, True)
    assert statuses(stand, numbers) == ["confirmed"] * 2 + ["requested"] * 3
    assert (one_round(stand, limit=2).more, one_round(stand, limit=2).more) == (True, False)
    assert statuses(stand, numbers) == ["confirmed"] * 5


def test_a_lane_leaves_the_others_alone(db: Engine) -> None:
    lanes = settings().lanes
    stands = [a_stand(db, slug=f"restaurant-{number}") for number in range(lanes + 1)]
    numbers = [stand.request() for stand in stands]
    assert one_round(stands[0]).count == 2  # the first and the last restaurant share a lane
    expected = ["confirmed"] + ["requested"] * (lanes - 1) + ["confirmed"]
    assert statuses(stands[0], numbers) == expected


def test_a_decided_request_with_a_waiting_caller_is_named(db: Engine) -> None:
    stand = a_stand(db)

    def work(session: Session) -> int:
        wish = TableRequest(2, START, GuestDetails("Ada", "ada@example.com"))
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        return request_reservation(
            session.connection(), restaurant, request=wish, key="k", body=b"", now=NOW, awaited=True
        ).reservation_id

    number = stand.do(work)
    stand.request()
    assert one_round(stand).awaited == (("reservation", number),)


def test_decisions_of_many_books_are_one_round(db: Engine) -> None:
    """More books than one query reads; each has one table and two requests for it."""
    stand = a_stand(
        db,
        tables=ONE_TABLE,
        shifts=LUNCH_AND_DINNER,
        policies={"window_days": 90, "waitlist": False},
    )
    days = [timedelta(days=day) for day in range(55)]
    starts = [START + day - hours for day in days for hours in (6 * HOUR, 0 * HOUR)]
    # 2026-03-29 the clocks change: the same wall time is an hour earlier in UTC
    starts = [start - HOUR * (start.date() >= date(2026, 3, 29)) for start in starts]
    numbers = [stand.request(start=start) for start in starts for _ in range(2)]
    assert one_round(stand).count == len(numbers)
    assert statuses(stand, numbers) == ["confirmed", "declined"] * len(starts)
    assert len(book_rows(stand)) == len(starts) > 100


def _statements_of_a_round(stand: Stand, waiting: int) -> Sequence[str]:
    # enough tables for everybody, so that every kind of row is written
    for number in range(waiting):
        stand.request(start=START + number % 8 * QUARTER)
    with counting(stand.bind) as statements:
        assert one_round(stand).count == waiting
    return statements.sql


@pytest.mark.parametrize("waiting", [10, 200])
def test_mistake_11_a_round_costs_the_same_for_ten_and_for_two_hundred(
    db: Engine, waiting: int
) -> None:
    tables = {str(number): ("hall", 1, 2) for number in range(200)}
    stand = a_stand(db, tables=tables)
    stand.ask(start=START - 4 * QUARTER)  # the book's row exists, the restaurant is cached
    statements = _statements_of_a_round(stand, waiting)
    verbs = [text.split()[0] for text in statements]
    # waiting requests; lock; restaurants, tables, pacing; the requests, their guests
    assert verbs[:7] == ["SELECT"] * 7
    # the reservations, their tables, quarters, history, messages; the book
    assert verbs[7:] == ["UPDATE", "INSERT", "INSERT", "INSERT", "INSERT", "UPDATE"]


def test_an_empty_lane_costs_one_look(db: Engine) -> None:
    stand = a_stand(db)
    with counting(db) as statements:
        one_round(stand)
    assert [text.split()[0] for text in statements.sql] == ["SELECT"]


def test_decisions_write_only_what_is_needed_of_a_reservation(db: Engine) -> None:
    """The end of the turn follows the shift at the time of the decision."""
    stand = a_stand(db)
    number = stand.request()
    stand.plant(update(Reservation).values(ends_at=START + HOUR))
    stand.drain()
    assert stand.row(number).ends_at == START + 6 * QUARTER


def test_a_restaurant_that_cannot_be_read_does_not_stop_its_lane(db: Engine) -> None:
    """Two restaurants share a lane. One has invalid turn times and is skipped."""
    bad = a_stand(db)
    others = (a_stand(db, slug=f"good-{number}") for number in range(settings().lanes))
    lane = bad.restaurant.id % settings().lanes
    good = next(each for each in others if each.restaurant.id % settings().lanes == lane)
    waits = [bad.request(), bad.request()]
    fine = good.request()
    sense = bad.plant_policies({"turn_times": "two hours"})
    with pytest.raises(RestaurantUnreadable, match=bad.restaurant.slug) as unreadable:
        one_round(good)
    assert unreadable.value.restaurant_id == bad.restaurant.id
    assert one_round(good).count == 1  # and now it is skipped
    assert statuses(good, [*waits, fine]) == ["requested", "requested", "confirmed"]
    bad.plant_policies(sense)
    forget_restaurants()  # as after a minute
    assert one_round(bad).count == 2
    assert statuses(bad, waits) == ["confirmed", "confirmed"]
