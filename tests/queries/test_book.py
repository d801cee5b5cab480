"""The book of a day: its contents, in a constant number of queries."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import Engine, update

from models.core.database.transactions import reading
from models.entities import DiningTable, Message, Restaurant, Shift
from models.operations.stand.arrivals import arrive
from models.queries.book.book import book_of
from models.queries.book.shapes import BookReservation, BookView
from models.queries.floor.load import restaurant_by_id
from models.rules.reservations.lifecycle import Status
from tests.services.counting import Statements
from tests.services.running.restaurant import OpenRestaurant, ShiftTimes
from tests.services.running.stand import NOW, START, Stand

DAY = date(2026, 3, 6)
SHIFTS = {
    "lunch": ShiftTimes(first=time(12), last=time(14), ends=time(16)),
    "dinner": ShiftTimes(first=time(17), last=time(21, 30)),
}
LOOSE = {"pacing": {"covers": 500, "parties": 90, "online_covers": 450}, "reminder_minutes": []}


@pytest.fixture
def stand(db: Engine, restaurant: Callable[..., OpenRestaurant]) -> Stand:
    return Stand(db, restaurant(shifts=SHIFTS, policies=LOOSE))


def book(stand: Stand, *, day: date = DAY, now: datetime = NOW) -> BookView:
    with reading(stand.bind) as session:
        return book_of(session, restaurant_by_id(session, stand.restaurant.id), day, now=now)


def line(view: BookView, number: int) -> BookReservation:
    return next(each for each in view.reservations if each.id == number)


def test_an_empty_book_has_its_shifts_intervals_and_tables(stand: Stand) -> None:
    view = book(stand)
    assert (view.service_date, view.revision, view.reservations) == (DAY, 0, ())
    assert [shift.key for shift in view.shifts] == ["lunch", "dinner"]
    assert [len(shift.intervals) for shift in view.shifts] == [9, 19]
    assert view.shifts[0].intervals[0].starts_at == datetime(2026, 3, 6, 11, 0, tzinfo=UTC)
    assert view.shifts[1].pacing.online_covers == 450
    assert [table.label for table in view.tables] == ["1", "2", "3", "4", "5", "6"]
    assert (view.tables[5].area_key, view.tables[5].max_party) == ("terrace", 4)


def test_a_line_of_the_book(stand: Stand) -> None:
    number = stand.ask(2, area_key="terrace", phone="+15550100", note="Birthday")
    found = line(book(stand), number)
    assert found.status is Status.CONFIRMED
    assert (found.shift_key, found.tables, found.area_key) == ("dinner", ("6",), "terrace")
    assert (found.party_size, found.revision, found.source) == (2, 2, "online")
    assert (found.starts_at, found.ends_at) == (START, START + timedelta(minutes=90))
    assert (found.guest_name, found.guest_email) == ("Party 1", "party1@example.com")
    assert (found.guest_phone, found.note) == ("+15550100", "Birthday")
    assert {(each.kind, each.channel, each.state) for each in found.messages} == {
        ("confirmation", "email", "queued"),
        ("confirmation", "sms", "queued"),
    }
    assert found.change is None
    assert found.reference == stand.row(number).reference


def test_covers_and_parties_by_interval(stand: Stand) -> None:
    stand.ask(4)
    stand.book(2)
    stand.ask(3, start=START + timedelta(minutes=30))
    stand.cancel(stand.ask(2))
    stand.ask(2, start=datetime(2026, 3, 6, 11, 30, tzinfo=UTC))
    view = book(stand)
    lunch, dinner = view.shifts
    assert (lunch.covers, lunch.parties) == (2, 1)
    assert (dinner.covers, dinner.parties) == (9, 3)
    loads = {each.starts_at: each for each in dinner.intervals}
    at_seven = loads[START]
    assert (at_seven.covers, at_seven.parties, at_seven.online_covers) == (6, 2, 4)
    assert loads[START + timedelta(minutes=30)].covers == 3
    assert view.revision == sum(shift.revision for shift in view.shifts) == stand.revision()


def test_the_seatings_of_a_table(stand: Stand) -> None:
    late = stand.book(2, tables=("1",), start=START + timedelta(hours=2))
    early = stand.book(2, tables=("1",))
    gone = stand.book(2, tables=("2",))
    stand.cancel(gone)
    tables = {table.label: table for table in book(stand).tables}
    assert [each.reservation_id for each in tables["1"].seatings] == [early, late]
    assert tables["1"].seatings[0].ends_at == START + timedelta(minutes=90)
    assert tables["2"].seatings == ()


def test_a_late_party_is_marked(stand: Stand) -> None:
    expected, here = stand.ask(2), stand.ask(2)
    stand.move(arrive, here, now=START)
    later = START + timedelta(minutes=1)
    assert not line(book(stand, now=START), expected).is_late
    assert line(book(stand, now=later), expected).is_late
    assert not line(book(stand, now=later), here).is_late


def test_the_wish_that_waits(stand: Stand) -> None:
    number = stand.ask(2)
    stand.change(number, party_size=3)
    assert line(book(stand), number).change is None
    stand.wish(number, party_size=4, area_key="terrace")
    change = line(book(stand), number).change
    assert change is not None
    assert (change.party_size, change.area_key, change.status) == (4, "terrace", "requested")


def test_what_became_of_messages(stand: Stand) -> None:
    number = stand.ask(2)
    stand.plant(update(Message).values(state="failed", error="refused"))
    (message,) = line(book(stand), number).messages
    assert (message.state, message.error, message.sent_at) == ("failed", "refused", None)


def test_every_state_is_in_the_book_and_other_days_and_restaurants_are_not(
    stand: Stand, db: Engine, restaurant: Callable[..., OpenRestaurant]
) -> None:
    other = Stand(db, restaurant(slug="other", shifts=SHIFTS, policies=LOOSE))
    other.ask(2)
    stand.ask(2, start=START + timedelta(days=1))
    numbers = [stand.ask(6), stand.ask(6), stand.ask(6, waitlist=False)]
    stand.cancel(stand.ask(2))
    numbers.append(stand.request(2))
    found = [each.status.value for each in book(stand).reservations]
    assert sorted(found) == ["cancelled", "confirmed", "declined", "requested", "waitlisted"]
    assert {each.id for each in book(stand).reservations} >= set(numbers)
    assert book(stand).shifts[1].waitlisted == 1


def test_a_shift_and_a_table_given_up_still_show_their_parties(stand: Stand) -> None:
    number = stand.book(2, tables=("1",))
    stand.plant(
        update(Shift).where(Shift.key == "dinner").values(active=False),
        update(DiningTable).where(DiningTable.label == "1").values(active=False),
        update(Restaurant).values(revision=2),
    )
    view = book(stand)
    assert [(shift.key, shift.is_open) for shift in view.shifts] == [
        ("lunch", True),
        ("dinner", False),
    ]
    assert view.shifts[1].covers == 2
    assert view.tables[-1].label == "1"
    assert view.tables[-1].seatings[0].reservation_id == number


@pytest.mark.both
def test_six_queries_however_full(
    stand: Stand, query_counter: Callable[[], AbstractContextManager[Statements]]
) -> None:
    book(stand)
    counts = []
    for rows in (0, 3, 12):
        for each in range(rows):
            phone = f"+1555{rows:03}{each:04}"
            number = stand.ask(2, phone=phone, start=START + timedelta(hours=rows // 6))
            if stand.row(number).status == Status.CONFIRMED:
                stand.wish(number, party_size=3)
        with query_counter() as statements:
            view = book(stand)
        counts.append(statements.count)
    assert len(view.reservations) == 15
    # one query for the restaurant's revision, and six for the book
    assert counts == [7, 7, 7]
