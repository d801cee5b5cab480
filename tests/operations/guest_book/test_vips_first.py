"""VIPs first on the waitlist of a date and on the list at the door, where it is wanted."""

from datetime import date

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.operations.door.leaving import pass_over
from models.operations.guest_book.records import GuestAct, RecordChange, change_record
from models.operations.stand.arrivals import seat
from models.operations.stand.party_details import edit_party
from models.queries.door.waitlist import waitlist_of
from models.queries.floor.load import restaurant_by_id
from models.rules.door.quotes import Quote
from tests.operations.door.evening import door_stand, entry, line, minutes, wait
from tests.operations.evenings import ONE_TABLE, TWO_TABLES, a_stand, statuses
from tests.operations.guest_book.test_online_refused import record
from tests.queries.evening import check, send_due
from tests.services.counting import counting
from tests.services.running.stand import NOW, STAFF, START, Stand

pytestmark = pytest.mark.both

ANN, PHONE = "ann@example.com", "+4930123456"


def mark(stand: Stand, contact: str = ANN) -> None:
    """Make the guest with this contact a VIP."""
    guest = record(stand, contact)
    act = GuestAct(stand.restaurant.id, guest, STAFF, NOW)
    stand.do(lambda session: change_record(session, act, RecordChange(vip=True)))


def waiting(stand: Stand) -> list[int]:
    """Who waits for the date of START, in the order in which the host sees it."""

    def work(session: Session) -> list[int]:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        return [each.row.id for each in waitlist_of(session, restaurant, date(2026, 3, 6))]

    return stand.do(work)


@pytest.mark.parametrize("vip_first", [True, False])
def test_a_freed_table_goes_to_the_vip_only_where_it_is_wanted(db: Engine, vip_first: bool) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies={"vip_first": vip_first})
    held, first, second = stand.ask(), stand.ask(), stand.ask(email=ANN)
    mark(stand)
    assert waiting(stand) == ([second, first] if vip_first else [first, second])
    stand.cancel(held)
    expected = ["waitlisted", "confirmed"] if vip_first else ["confirmed", "waitlisted"]
    assert statuses(stand, [first, second]) == expected


def test_a_party_that_the_host_marks_is_first_and_vips_keep_their_order(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES, policies={"vip_first": True})
    held = [stand.ask(), stand.ask()]
    first, second, third = stand.ask(), stand.ask(), stand.ask(email=ANN)
    mark(stand)
    stand.move(edit_party, second, now=NOW, changes={"vip": True})
    assert waiting(stand) == [second, third, first]
    for number in held:
        stand.cancel(number)
    assert statuses(stand, [first, second, third]) == ["waitlisted", "confirmed", "confirmed"]


def test_only_restaurants_that_want_it_are_asked_for_vips(db: Engine) -> None:
    counts = []
    for vip_first in (False, True):
        slug = f"first-{vip_first}".lower()
        stand = a_stand(db, slug=slug, tables=ONE_TABLE, policies={"vip_first": vip_first})
        held = stand.ask()
        stand.ask()
        with counting(db) as counted:
            stand.cancel(held)
        counts.append(counted.count)
    assert counts[1] == counts[0] + 1


def test_a_vip_is_first_at_the_door_and_is_quoted_so(db: Engine) -> None:
    stand = door_stand(db, vip_first=True)
    stand.ask(2, email=None, phone=PHONE, start=START.replace(day=7))
    mark(stand, PHONE)
    seated = stand.book(2, start=START)
    stand.move(seat, seated, now=START)
    one = wait(stand, now=minutes(1))
    two = wait(stand, now=minutes(2), phone=PHONE)
    assert line(stand, now=minutes(3)) == [(two, 1), (one, 2)]
    quoted = entry(stand, two)
    assert Quote(quoted.quoted_low or 0, quoted.quoted_high or 0) == Quote(75, 105)
    stand.drain(now=minutes(3))
    send_due(stand, until=minutes(3))
    assert check(stand, now=minutes(3)) == []


def test_a_vip_that_is_passed_over_waits_in_order_of_arrival(db: Engine) -> None:
    stand = door_stand(db, vip_first=True)
    stand.ask(2, email=None, phone=PHONE, start=START.replace(day=7))
    mark(stand, PHONE)
    one, two = wait(stand, now=minutes(1)), wait(stand, now=minutes(2), phone=PHONE)
    three = wait(stand, now=minutes(3))
    stand.move(pass_over, two, now=minutes(4), why="is at the bar")
    assert line(stand, now=minutes(5)) == [(one, 1), (two, 2), (three, 3)]
    stand.drain(now=minutes(5))
    send_due(stand, until=minutes(5))
    assert check(stand, now=minutes(5)) == []
