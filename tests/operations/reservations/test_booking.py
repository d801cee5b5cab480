"""A request is only stored; the staff's booking is decided immediately."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from models.core.errors import Invalid, NotSeated
from models.core.secrets.signing import contact_key
from models.entities import (
    Closure,
    DiningTable,
    IdempotencyKey,
    Message,
    Reservation,
    ReservationMove,
    ShiftDay,
)
from models.operations.reservations.booking import Accepted, book_for_guest, request_reservation
from models.operations.stand.arrivals import finish, seat
from models.queries.floor.load import restaurant_by_id
from models.rules.reservations.requests import GuestDetails, TableRequest
from models.rules.restaurant.restaurant import RestaurantSpec, book_id
from tests.operations.evenings import (
    HOUR,
    ONE_TABLE,
    QUARTER,
    TWO_TABLES,
    a_stand,
    history,
    quarters_held,
    revise,
    rows_of,
    statuses,
    told,
)
from tests.services.counting import counting
from tests.services.running.stand import NOW, STAFF, START, Stand

pytestmark = pytest.mark.both

ADA = GuestDetails("Ada", "Ada@Example.com ", "+49301234567", "de")


def wish_of(party_size: int = 2, **more: Any) -> TableRequest:
    wish: dict[str, Any] = {"party_size": party_size, "starts_at": START, "guest": ADA}
    return TableRequest(**(wish | more))


def request(stand: Stand, wish: TableRequest, **more: Any) -> Accepted:
    def work(session: Session) -> Accepted:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        return request_reservation(
            session.connection(), restaurant, request=wish, key="k", body=b"x", now=NOW, **more
        )

    return stand.do(work)


def test_a_request_is_written_down_whole_and_nothing_is_decided(db: Engine) -> None:
    stand = a_stand(db, policies={"cancel_cutoff_minutes": 45})
    accepted = request(stand, wish_of(3, area_key="terrace", note="Window", waitlist=False))
    row = stand.row(accepted.reservation_id)
    facts = (row.status, row.revision, row.source, row.awaited, row.waitlist, row.pacing_forced)
    assert facts == ("requested", 1, "online", False, False, False)
    assert (row.reference, len(row.reference)) == (accepted.reference, 8)
    assert (row.party_size, row.starts_at) == (3, START)
    assert row.ends_at == START + timedelta(minutes=105)
    assert row.book_id == book_id(stand.restaurant.shifts["dinner"], START.date())
    assert row.area_id == stand.restaurant.areas["terrace"]
    assert (row.guest.name, row.guest_locale, row.guest.note) == ("Ada", "de", "Window")
    assert row.email_key == contact_key("ada@example.com")
    assert row.phone_key == contact_key("+49301234567")
    assert row.terms == {"cancel_cutoff_minutes": 45}
    assert (row.created_at, row.decided_at) == (NOW, None)
    assert [rows_of(stand, each) for each in (Message, ReservationMove, ShiftDay)] == [0, 0, 0]


def test_a_waiting_caller_is_noted(db: Engine) -> None:
    stand = a_stand(db)
    assert stand.row(request(stand, wish_of(), awaited=True).reservation_id).awaited


def test_a_guest_may_leave_the_phone_out(db: Engine) -> None:
    stand = a_stand(db)
    guest = GuestDetails("Bo", "bo@example.com")
    row = stand.row(request(stand, wish_of(guest=guest)).reservation_id)
    assert (row.guest.phone, row.phone_key) == (None, None)


def test_a_request_costs_three_statements(db: Engine) -> None:
    stand = a_stand(db)
    stand.request()
    with counting(db) as statements:
        stand.request()
    verbs = [text.split()[0] for text in statements.sql]
    assert verbs == ["SELECT", "INSERT", "INSERT"]  # the restaurant's revision, the key, the row


def test_what_cannot_be_is_refused_by_name_and_leaves_nothing(db: Engine) -> None:
    stand = a_stand(db)
    wrong = wish_of(99, area_key="moon", starts_at=START - timedelta(days=30))
    with pytest.raises(Invalid) as refused:
        request(stand, wrong)
    assert [each.field for each in refused.value.fields] == ["party_size", "area", "start"]
    assert [rows_of(stand, each) for each in (Reservation, IdempotencyKey)] == [0, 0]
    assert not request(stand, wish_of()).replayed  # the key can be used again


@pytest.mark.parametrize(
    "start",
    [NOW - HOUR, START + timedelta(minutes=7), START + timedelta(days=90), START - 6 * HOUR],
    ids=["past", "off the grid", "past the window", "between shifts"],
)
def test_mistake_6_a_start_that_cannot_be_had_is_refused(db: Engine, start: Any) -> None:
    stand = a_stand(db)
    with pytest.raises(Invalid) as refused:
        request(stand, wish_of(starts_at=start))
    assert [each.field for each in refused.value.fields] == ["start"]


# --- the staff


def test_the_staff_have_the_answer_at_once(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.book(2)
    row = stand.row(number)
    assert (row.status, row.source, row.decided_at) == ("confirmed", "staff", NOW)
    assert stand.held(number) == {"1": (0, 6)}
    assert history(stand, number) == [("requested", "confirmed", "decision")]
    assert told(stand, number) == ["confirmation"]
    assert stand.drain() == 0


def test_the_staff_choose_tables_of_any_size_as_long_as_they_are_free(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.book(7, tables=("6", "1", "6"))
    assert stand.held(number) == {"1": (0, 9), "6": (0, 9)}
    for tables in (("6",), ("2", "1")):
        with pytest.raises(NotSeated) as refused:
            stand.book(2, tables=tables, start=START + HOUR)
        assert refused.value.reason == "full"
    assert stand.held(stand.book(2, tables=("1",), start=START + 9 * QUARTER)) == {"1": (9, 15)}


def test_another_restaurants_table_is_none_of_ours(db: Engine) -> None:
    stand, other = a_stand(db), a_stand(db, slug="other")
    stand.restaurant.tables["theirs"] = other.restaurant.tables["1"]
    with pytest.raises(Invalid) as refused:
        stand.book(2, tables=("theirs",))
    assert refused.value.fields[0].field == "tables"
    assert rows_of(stand, Reservation) == 0


@pytest.mark.parametrize("tables", [(), ("5",)], ids=["any table", "a table by name"])
def test_the_staff_go_over_the_pacing_only_knowingly(db: Engine, tables: tuple[str, ...]) -> None:
    stand = a_stand(db, policies={"pacing": {"covers": 6}})
    stand.book(4)
    with pytest.raises(NotSeated) as refused:
        stand.book(4, tables=tables)
    assert refused.value.reason == "pacing"
    forced = stand.book(4, tables=tables, force_pacing=True)
    assert (stand.row(forced).status, stand.row(forced).pacing_forced) == ("confirmed", True)
    assert stand.row(stand.ask(1)).reason == "pacing"  # staff bookings count for guests' pacing


def test_a_party_that_is_not_seated_leaves_nothing(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    stand.book(2)
    for party_size, reason in ((2, "full"), (3, "party_too_large")):
        with pytest.raises(NotSeated) as refused:
            stand.book(party_size)
        assert refused.value.reason == reason
    counts = [rows_of(stand, each) for each in (Reservation, IdempotencyKey, ReservationMove)]
    assert counts == [1, 1, 1]
    assert quarters_held(stand) == 6


def test_the_online_limits_do_not_bind_the_staff(db: Engine) -> None:
    policies = {"max_party_online": 2, "pacing": {"covers": 20, "online_covers": 2}}
    stand = a_stand(db, policies=policies)
    stand.plant(update(DiningTable).where(DiningTable.label == "5").values(online=False))
    ada: dict[str, Any] = {"email": "ada@example.com"}
    assert statuses(stand, [stand.ask(2, **ada), stand.ask(2)]) == ["confirmed", "waitlisted"]
    assert stand.held(stand.book(6, **ada)) == {"5": (0, 8)}  # the same guest, an in-house table


def test_a_party_that_came_an_hour_ago_is_still_written_down(db: Engine) -> None:
    stand = a_stand(db)
    late = stand.book(2, now=START + HOUR)
    assert stand.held(late) == {"1": (0, 6)}
    with pytest.raises(Invalid):
        stand.book(2, now=START + 25 * HOUR)


def test_a_party_that_has_left_still_counts_for_the_pacing_of_its_start(db: Engine) -> None:
    stand = a_stand(db, policies={"pacing": {"covers": 5}})
    number = stand.ask(4)
    stand.move(seat, number, now=START)
    stand.move(finish, number, now=START + QUARTER)
    with pytest.raises(NotSeated) as refused:
        stand.book(2, now=START + QUARTER)
    assert refused.value.reason == "pacing"
    assert stand.row(stand.book(1, now=START + QUARTER)).status == "confirmed"


def test_a_walk_in_is_known_as_one(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.book(2, walk_in=True, email=None, now=START)
    assert (stand.row(number).source, told(stand, number)) == ("walk_in", [])


def test_the_staffs_booking_sees_lunch_and_guests_alike(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    stand.ask(2, start=START - HOUR)
    assert stand.held(stand.book(2)) == {"2": (0, 6)}
    with pytest.raises(NotSeated):
        stand.book(2, start=START + QUARTER)


def test_a_restaurant_closed_since_it_was_read_seats_nobody(db: Engine) -> None:
    stand = a_stand(db)
    before: RestaurantSpec = stand.do(
        lambda session: restaurant_by_id(session, stand.restaurant.id)
    )
    revise(stand, Closure(restaurant_id=stand.restaurant.id, on_date=START.date()))

    def work(session: Session) -> Accepted:
        return book_for_guest(
            session, before, request=wish_of(), key="k", body=b"x", now=NOW, actor=STAFF
        )

    with pytest.raises(NotSeated) as refused:
        stand.do(work)
    assert refused.value.reason == "closed"
    assert rows_of(stand, Reservation) == 0
