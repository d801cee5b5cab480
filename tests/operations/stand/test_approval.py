"""Requests that the staff approve: held, answered or lapsed, and what the guest is told."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from models.core.database.transactions import reading
from models.core.errors import StateConflict
from models.entities import Message, Restaurant
from models.integrity.check import findings
from models.operations.reservations.staff_changes import change_by_staff
from models.operations.stand.approving import approve, decline, release_unanswered
from models.operations.stand.arrivals import arrive, finish, seat
from models.operations.stand.party_details import arrive_partly, expect_late
from models.operations.stand.undo import take_back
from models.queries.messages.outgoing import Outgoing, load_failed
from models.queries.reservations.approvals import waiting_for_approval
from models.queries.reservations.history import history_of
from models.rules.messages.sending import Action, judge
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.requests import TableChange
from tasks.messaging.templates.render import render_letter
from tests.queries.evening import send_due
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import NOW, START, Stand

pytestmark = pytest.mark.both
RestaurantSpec = Callable[..., OpenRestaurant]
TABLES = {"1": ("hall", 1, 4), "2": ("hall", 1, 8), "3": ("terrace", 1, 4)}
POLICIES = {"pacing": {"covers": None}, "reminder_minutes": [180], "approval_minutes": 600}
#: from six guests on, and on the terrace
RULES = [{"min_party": 6}, {"min_party": 1, "area": "terrace"}]
DAY = timedelta(days=1)


def hours(count: float) -> datetime:
    """So long after the requests."""
    return NOW + timedelta(hours=count)


@pytest.fixture
def stand(db: Engine, restaurant: RestaurantSpec) -> Stand:
    made = Stand(db, restaurant(tables=TABLES, policies=POLICIES))
    made.plant(update(Restaurant).values(day_rules={"approvals": RULES}, revision=50))
    return made


def in_order(stand: Stand, *, now: datetime) -> bool:
    stand.drain(now=now)
    send_due(stand, until=now)
    with reading(stand.bind) as session:
        assert findings(session, now=now, grace_seconds=0) == []
    return True


def sent(stand: Stand, number: int) -> list[str]:
    query = select(Message.kind).where(Message.reservation_id == number, Message.state == "sent")
    with Session(stand.bind) as session:
        return list(session.scalars(query.order_by(Message.id)))


def release(stand: Stand, *, now: datetime) -> int:
    return stand.do(lambda session: release_unanswered(session, now=now, limit=200))


def outgoing(stand: Stand, number: int, kind: str) -> Outgoing:
    """The last such message of this reservation."""
    stand.plant(update(Message).where(Message.kind == kind).values(state="failed"))
    with reading(stand.bind) as session:
        ids = session.scalars(select(Message.id).where(Message.reservation_id == number)).all()
        return load_failed(session, ids)[-1]


def expect_soon(*about: Any, **more: Any) -> None:
    expect_late(*about, until=START + timedelta(minutes=20), **more)


def test_a_request_holds_its_table_until_the_staff_approve_it(stand: Stand) -> None:
    small, large = stand.ask(4), stand.ask(6)
    assert stand.row(small).approve_by is None
    row = stand.row(large)
    assert (row.shown_status, row.approve_by) == (Status.REQUESTED, hours(10))
    assert stand.held(large) == {"2": (0, 8)}
    with reading(stand.bind) as session:
        waiting = waiting_for_approval(session, stand.restaurant.id)
        assert [(each.id, tables) for each, tables in waiting] == [(large, ("2",))]
    # nobody else gets it
    other = stand.ask(5)
    assert stand.row(other).status == "waitlisted"
    assert in_order(stand, now=NOW)
    assert sent(stand, large) == ["requested"]
    stand.move(approve, large, now=hours(1))
    stand.move(approve, large, now=hours(2))
    row = stand.row(large)
    assert (row.shown_status, row.approve_by, row.revision) == (Status.CONFIRMED, None, 3)
    assert in_order(stand, now=hours(2))
    assert sent(stand, large) == ["requested", "confirmation"]
    assert release(stand, now=hours(11)) == 0
    with reading(stand.bind) as session:
        steps = history_of(session, large, ("2",))
    assert [(each.reason, each.status_before, each.status) for each in steps] == [
        ("to_approve", "requested", "requested"),
        ("approved", "requested", "confirmed"),
    ]
    reminder = outgoing(stand, large, "reminder")
    assert judge(reminder.standing, now=START - timedelta(hours=3)).action is Action.SEND


def test_a_declined_request_frees_its_table_for_the_waitlist(stand: Stand) -> None:
    large = stand.ask(6)
    waits = stand.ask(5)
    send_due(stand, until=NOW)
    for _ in range(2):
        stand.move(decline, large, now=hours(1), message="We have a wedding.")
    row = stand.row(large)
    assert (row.status, row.reason) == ("declined", "not_approved")
    assert stand.held(large) == {}
    assert in_order(stand, now=hours(1.1))
    assert stand.row(waits).status == "confirmed"
    assert sent(stand, large) == ["requested", "declined"]
    letter = render_letter(outgoing(stand, large, "declined"))
    assert "We have a wedding." in letter.text and "could not accept" in letter.text
    with pytest.raises(StateConflict):
        stand.move(approve, large, now=hours(2))


def test_a_request_without_an_answer_lapses_and_its_guest_is_told(stand: Stand) -> None:
    large = stand.ask(6)
    assert release(stand, now=hours(9.99)) == 0
    assert release(stand, now=hours(10)) == 1
    assert release(stand, now=hours(10)) == 0
    row = stand.row(large)
    assert (row.status, row.reason) == ("expired", "unanswered")
    assert stand.held(large) == {}
    assert in_order(stand, now=hours(10))
    assert "could not confirm your request in time" in (
        render_letter(outgoing(stand, large, "declined")).text
    )


def test_a_request_is_answered_before_its_start_at_the_latest(stand: Stand) -> None:
    now = START - timedelta(hours=2)
    number = stand.ask(6, now=now)
    assert stand.row(number).approve_by == START
    assert release(stand, now=START) == 1
    assert in_order(stand, now=START)


def test_the_area_of_its_table_decides_wherever_the_guest_asked(stand: Stand) -> None:
    inside, outside = stand.ask(4), stand.ask(4)
    assert [list(stand.held(each)) for each in (inside, outside)] == [["1"], ["3"]]
    assert stand.row(inside).shown_status is Status.CONFIRMED
    assert stand.row(outside).shown_status is Status.REQUESTED


def test_what_the_staff_book_or_confirm_needs_no_approval(stand: Stand) -> None:
    number = stand.book(6)
    assert stand.row(number).shown_status is Status.CONFIRMED
    with pytest.raises(StateConflict):
        stand.move(decline, number, now=NOW)
    stand.move(approve, number, now=NOW)  # has it already
    assert stand.row(number).revision == 2


def test_a_request_may_be_changed_while_it_waits(stand: Stand) -> None:
    number = stand.ask(6)
    stand.change(number, party_size=7, now=hours(1))
    row = stand.row(number)
    assert (row.party_size, row.shown_status, row.approve_by) == (7, Status.REQUESTED, hours(10))
    earlier = NOW + timedelta(hours=8)
    change = TableChange(starts_at=earlier)
    stand.move(change_by_staff, number, now=hours(2), change=change)
    assert stand.row(number).approve_by == earlier
    assert in_order(stand, now=hours(2))
    letter = render_letter(outgoing(stand, number, "changed"))
    assert letter.subject.startswith("Your request at")


def test_a_guest_cannot_change_into_what_needs_approval(stand: Stand) -> None:
    number = stand.ask(4)
    stand.change(number, party_size=6, now=hours(1))
    row = stand.row(number)
    assert (row.party_size, row.status, row.approve_by) == (4, "confirmed", None)
    refused = outgoing(stand, number, "change_refused")
    assert "We decide this ourselves" in render_letter(refused).text
    large = stand.ask(7)
    stand.move(approve, large, now=hours(1))
    stand.change(large, party_size=6, now=hours(2))  # smaller
    assert stand.row(large).party_size == 6
    assert stand.row(large).shown_status is Status.CONFIRMED


def test_a_waitlisted_request_waits_for_approval_once_it_has_a_table(stand: Stand) -> None:
    first, second = stand.ask(8), stand.ask(8)
    assert stand.row(second).status == "waitlisted"
    stand.move(decline, first, now=hours(1))
    stand.drain(now=hours(1))
    assert stand.row(second).shown_status is Status.REQUESTED
    assert in_order(stand, now=hours(1))
    assert sent(stand, second) == ["waitlisted", "requested"]


def test_a_cancelled_request_that_is_brought_back_waits_again(stand: Stand) -> None:
    number = stand.ask(6)
    send_due(stand, until=NOW)
    stand.cancel(number, now=hours(1))
    assert release(stand, now=hours(1)) == 0
    stand.move(take_back, number, now=hours(1.1))
    assert stand.row(number).shown_status is Status.REQUESTED
    assert in_order(stand, now=hours(1.1))
    assert release(stand, now=hours(10)) == 1


def test_a_party_that_is_seated_needs_no_approval_any_more(stand: Stand) -> None:
    now = START - timedelta(hours=1)
    number = stand.ask(6, now=now)
    stand.move(seat, number, now=START - timedelta(minutes=5))
    assert stand.row(number).approve_by is None
    assert release(stand, now=START + DAY) == 0
    assert in_order(stand, now=START)


@pytest.mark.parametrize("verb", [arrive, partial(arrive_partly, covers=1), expect_soon, finish])
def test_a_request_is_approved_before_its_party_can_come(
    stand: Stand, verb: Callable[..., None]
) -> None:
    number = stand.ask(6, now=START - timedelta(hours=1))
    with pytest.raises(StateConflict, match="approve it first"):
        stand.move(verb, number, now=START)
    assert stand.row(number).revision == 2
    stand.move(approve, number, now=START)
    stand.move(verb, number, now=START)


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it"])
def test_the_request_is_told_in_every_language(stand: Stand, language: str) -> None:
    number = stand.ask(6)
    changes: dict[str, Any] = {"guest_locale": language}
    with Session(stand.bind) as session, session.begin():
        row = session.get_one(type(stand.row(number)), number)
        for name, value in changes.items():
            setattr(row, name, value)
    letter = render_letter(outgoing(stand, number, "requested"))
    assert letter.language == language
    assert "{" not in letter.subject + letter.text


def test_a_refusal_is_undone_before_its_message_goes(stand: Stand) -> None:
    number = stand.ask(6)
    send_due(stand, until=NOW)
    stand.move(decline, number, now=hours(1), message="We have a wedding.")
    soon = hours(1) + timedelta(seconds=20)
    send_due(stand, until=soon)
    for _ in range(2):
        stand.move(take_back, number, now=soon)
    row = stand.row(number)
    assert (row.shown_status, row.reason, row.approve_by) == (Status.REQUESTED, None, hours(10))
    assert stand.held(number) == {"2": (0, 8)}
    assert in_order(stand, now=hours(1.1))
    assert sent(stand, number) == ["requested"]
    with reading(stand.bind) as session:
        steps = history_of(session, number, ("2",))
    assert [(each.reason, each.status_before, each.status) for each in steps] == [
        ("to_approve", "requested", "requested"),
        ("not_approved", "requested", "declined"),
        ("taken_back", "declined", "requested"),
    ]
    stand.move(approve, number, now=hours(2))
    assert in_order(stand, now=hours(2))
    assert sent(stand, number) == ["requested", "confirmation"]


def test_a_refusal_that_the_guest_has_read_is_undone_and_told(stand: Stand) -> None:
    number, quiet = stand.ask(6), stand.ask(4, area_key="terrace")
    for each in (number, quiet):
        stand.move(decline, each, now=hours(1))
    assert in_order(stand, now=hours(1.1))
    stand.move(take_back, number, now=hours(1.2))
    stand.move(take_back, quiet, now=hours(1.2), notify=False)
    assert in_order(stand, now=hours(1.3))
    assert sent(stand, number) == ["requested", "declined", "requested"]
    assert sent(stand, quiet) == ["requested", "declined"]
    for each in (number, quiet):
        assert stand.row(each).shown_status is Status.REQUESTED
    assert release(stand, now=hours(10)) == 2
    assert in_order(stand, now=hours(10))
    assert sent(stand, number) == ["requested", "declined", "requested", "declined"]


def test_a_refusal_is_not_undone_too_late_or_without_its_table(stand: Stand) -> None:
    given, late = stand.ask(6), stand.ask(4, area_key="terrace")
    stand.move(decline, given, now=hours(1))
    other = stand.book(6, now=hours(1.1))
    with pytest.raises(StateConflict, match="held by another party: 2"):
        stand.move(take_back, given, now=hours(1.2))
    stand.move(decline, late, now=hours(1))
    with pytest.raises(StateConflict, match="declined more than 30 minutes ago"):
        stand.move(take_back, late, now=hours(1.51))
    stand.cancel(other, now=hours(2))
    last = stand.ask(6, now=hours(2))
    stand.move(decline, last, now=hours(11.9))
    with pytest.raises(StateConflict, match="time to approve the request is over"):
        stand.move(take_back, last, now=hours(12))
    assert in_order(stand, now=hours(12.1))
