"""Made-up contacts do not fill a restaurant: the share held without confirmation, and its ends."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from models.core.database.transactions import reading
from models.core.secrets.signing import confirmation_code
from models.entities import Message
from models.integrity.check import findings
from models.operations.reservations.contact_proofs import confirm_contact
from models.operations.stand.arrivals import arrive, finish, mark_no_show, seat
from models.operations.stand.unconfirmed import confirm_by_link, release_unconfirmed
from models.operations.stand.undo import take_back
from models.queries.messages.outgoing import load_failed
from models.rules.messages.sending import Action, judge
from models.rules.restaurant.policies import STAFF_LOOKBACK_MINUTES
from tests.queries.evening import send_due
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import NOW, START, Stand

pytestmark = pytest.mark.both
TABLES = {str(number): ("hall", 1, 4) for number in range(1, 35)}
OPEN = {"pacing": {"covers": None}, "reminder_minutes": [180]}
ASKS = OPEN | {"confirm_by_link": True, "waitlist_parties": 100}
RestaurantSpec = Callable[..., OpenRestaurant]


def minutes(count: float) -> datetime:
    """So long after the requests."""
    return NOW + timedelta(minutes=count)


def a_stand(
    db: Engine, restaurant: RestaurantSpec, *, tables: Any = TABLES, **policies: Any
) -> Stand:
    return Stand(db, restaurant(tables=tables, policies=ASKS | policies))


def two_tables(db: Engine, restaurant: RestaurantSpec) -> Stand:
    """One of the two may be held without confirmation."""
    return a_stand(db, restaurant, tables={"1": ("hall", 1, 2), "2": ("hall", 1, 2)})


def confirm(stand: Stand, number: int, *, now: datetime, code: str | None = None) -> bool:
    contact = stand.row(number).guest.email or ""
    code = code or confirmation_code(number, contact)
    return stand.do(lambda session: confirm_by_link(session, number, code, now=now))


def release(stand: Stand, *, now: datetime) -> int:
    return stand.do(lambda session: release_unconfirmed(session, now=now, limit=200))


def told(stand: Stand, number: int) -> list[tuple[str, int, str]]:
    query = select(Message.kind, Message.variant, Message.state)
    with Session(stand.bind) as session:
        rows = session.execute(query.where(Message.reservation_id == number).order_by(Message.id))
        return [(row.kind, row.variant, row.state) for row in rows]


def in_order(stand: Stand, *, now: datetime) -> bool:
    stand.drain(now=now)
    send_due(stand, until=now)
    with reading(stand.bind) as session:
        assert findings(session, now=now, grace_seconds=0) == []
    return True


def attack(stand: Stand, *, count: int = 40, now: datetime = NOW) -> Counter[str]:
    """Request so many tables for four with made-up contacts; return the statuses."""
    asked = [stand.request(4, now=now) for _ in range(count)]
    stand.drain(now=now)
    return Counter(stand.row(number).status for number in asked)


def test_made_up_contacts_hold_no_more_than_their_share(
    db: Engine, restaurant: RestaurantSpec
) -> None:
    open_to_all = Stand(db, restaurant(slug="before", tables=TABLES, policies=OPEN))
    before = attack(open_to_all)
    assert before["confirmed"] == 34
    stand = a_stand(db, restaurant)
    after = attack(stand)
    print(f"34 tables, 40 made-up contacts: {before['confirmed']} held, then {after['confirmed']}")
    assert after["confirmed"] == 17
    # in another round, and overlapping: the share holds at any quarter-hour
    assert attack(stand, count=5, now=minutes(1))["confirmed"] == 0
    later = [stand.ask(4, start=START + timedelta(minutes=45), now=minutes(2)) for _ in range(3)]
    assert {stand.row(number).status for number in later} == {"waitlisted"}
    # who confirms the contact gets a table, and so do guests of the staff
    guest = stand.book(4)
    assert stand.row(guest).status == "confirmed" and stand.row(guest).confirm_by is None
    assert in_order(stand, now=minutes(3))
    assert release(stand, now=minutes(15)) == 17
    assert in_order(stand, now=minutes(15))


def test_a_guest_that_confirms_is_told_that_the_table_is_reserved(
    db: Engine, restaurant: RestaurantSpec
) -> None:
    stand = two_tables(db, restaurant)
    number, waits = stand.ask(2), stand.ask(2)
    assert stand.row(number).confirm_by == minutes(15)
    assert [stand.row(waits).status, stand.row(waits).reason] == ["waitlisted", "full"]
    send_due(stand, until=NOW)
    assert not confirm(stand, number, now=minutes(5), code="ABCDEFGHI")
    assert stand.row(number).confirm_by is not None
    assert confirm(stand, number, now=minutes(5))
    row = stand.row(number)
    assert (row.status, row.confirm_by, row.email_proved_at) == ("confirmed", None, minutes(5))
    assert not confirm(stand, number, now=minutes(6))
    assert release(stand, now=minutes(16)) == 0
    assert in_order(stand, now=minutes(16))
    assert [each[0] for each in told(stand, number) if each[2] == "sent"] == ["confirmation"] * 2
    # both have a reminder; that of the held table is omitted
    stand.plant(update(Message).where(Message.kind == "reminder").values(state="failed"))
    with reading(stand.bind) as session:
        found = load_failed(session, session.scalars(select(Message.id)).all())
    standings = [each.standing for each in found if each.reservation_id == number]
    at = START - timedelta(hours=3)
    assert [judge(each, now=at).action for each in standings] == [Action.SKIP, Action.SEND]


def test_an_unconfirmed_guest_is_told_once_and_the_waitlist_gets_the_table(
    db: Engine, restaurant: RestaurantSpec
) -> None:
    stand = two_tables(db, restaurant)
    number, waits = stand.ask(2), stand.ask(2)
    assert release(stand, now=minutes(14.99)) == 0
    assert release(stand, now=minutes(15)) == 1
    assert release(stand, now=minutes(15)) == 0
    row = stand.row(number)
    assert (row.status, row.reason, row.confirm_by) == ("expired", "unproved", None)
    assert stand.held(number) == {}
    stand.drain(now=minutes(15))
    assert stand.row(waits).status == "confirmed"
    assert stand.row(waits).confirm_by == minutes(30)
    assert not confirm(stand, number, now=minutes(16))
    assert in_order(stand, now=minutes(16))
    assert [each for each in told(stand, number) if each[0] == "declined"] == [
        ("declined", 0, "sent")
    ]


def test_a_contact_that_is_known_is_not_asked(db: Engine, restaurant: RestaurantSpec) -> None:
    stand = a_stand(db, restaurant)
    opened = stand.ask(2, email="opened@example.com")
    code = confirmation_code(opened, "opened@example.com")
    assert confirm(stand, opened, now=minutes(1), code=code)
    came = stand.ask(2, email="came@example.com", start=START - timedelta(days=1))
    stand.move(seat, came, now=START - timedelta(days=1))
    stand.move(finish, came, now=START - timedelta(hours=22))
    later = START - timedelta(hours=20)
    again = [
        stand.ask(2, email=f"{name}@example.com", start=START + timedelta(minutes=150), now=later)
        for name in ("opened", "came")
    ]
    assert [stand.row(number).confirm_by for number in again] == [None, None]
    elsewhere = a_stand_elsewhere(db, restaurant)
    assert elsewhere.row(elsewhere.ask(2, email="came@example.com", now=later)).confirm_by


def a_stand_elsewhere(db: Engine, restaurant: RestaurantSpec) -> Stand:
    return Stand(db, restaurant(slug="elsewhere", tables=TABLES, policies=ASKS), asked=500)


def test_an_arrived_party_needs_to_confirm_nothing(db: Engine, restaurant: RestaurantSpec) -> None:
    stand = a_stand(db, restaurant, confirm_minutes=STAFF_LOOKBACK_MINUTES)
    start = NOW + timedelta(days=4, hours=9)
    number = stand.ask(2, start=start, now=start - timedelta(hours=1))
    assert stand.row(number).confirm_by == start
    stand.move(mark_no_show, number, now=start + timedelta(minutes=20))
    stand.move(take_back, number, now=start + timedelta(minutes=25))
    assert stand.row(number).status == "confirmed"
    assert release(stand, now=start + timedelta(minutes=30)) == 0
    stand.move(arrive, number, now=start + timedelta(minutes=31))
    assert in_order(stand, now=start + timedelta(minutes=31))


def test_another_contact_has_to_confirm_for_itself(db: Engine, restaurant: RestaurantSpec) -> None:
    stand = a_stand(db, restaurant)
    number = stand.ask(2)
    code = confirmation_code(number, "somebody@else.example")
    assert not confirm(stand, number, now=minutes(1), code=code)
    # the link alone proves the contact, and confirms nothing
    own = confirmation_code(number, stand.row(number).guest.email or "")
    assert not stand.do(lambda session: confirm_contact(session, number, own, now=minutes(2)))
    assert stand.row(number).confirm_by is not None and stand.row(number).email_proved_at is None


def test_a_cancellation_ends_the_wait(db: Engine, restaurant: RestaurantSpec) -> None:
    stand = two_tables(db, restaurant)
    number = stand.ask(2)
    stand.cancel(number, now=minutes(1))
    assert release(stand, now=minutes(20)) == 0
    assert stand.row(number).confirm_by is None
    assert in_order(stand, now=minutes(20))
