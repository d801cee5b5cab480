"""Workers die in the middle of a decision and of a send."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from sqlalchemy import insert, text

from models.core.settings import settings
from models.entities import TableOccupancy
from tests.faults.guests import Crowd, assert_all_checks_pass
from tests.services.running.process import wait_until
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stack import Stack, evening

pytestmark = pytest.mark.slow

FIRST_TABLE = {"1": ("hall", 1, 2)}
HALL = {str(number): ("hall", 1, 4) for number in range(12)}


@contextmanager
def _claimed_elsewhere(stack: Stack, restaurant: OpenRestaurant, start: datetime) -> Iterator[None]:
    """Lock the table's quarter in an open transaction, so that a worker that writes it blocks."""
    row = {
        "dining_table_id": restaurant.tables["1"],
        "quarter_hour": int(start.timestamp()) // 900,
        "reservation_id": 0,
        "restaurant_id": restaurant.id,
    }
    with stack.engine.connect() as connection:
        connection.execute(insert(TableOccupancy), row)
        yield
        connection.rollback()


def _is_stuck_in_writing(stack: Stack) -> bool:
    """Whether a transaction has changed rows and now waits for a lock."""
    query = text(
        "SELECT COUNT(*) FROM information_schema.innodb_trx "
        "WHERE trx_state = 'LOCK WAIT' AND trx_rows_modified > 0"
    )
    with stack.engine.connect() as connection:
        return bool(connection.scalar(query))


@pytest.mark.mariadb
def test_a_worker_killed_while_it_writes_its_decision_leaves_no_trace(stack: Stack) -> None:
    restaurant, start = stack.open_restaurant(tables=FIRST_TABLE), evening()
    with _claimed_elsewhere(stack, restaurant, start):
        asked = [stack.post(restaurant, start=start, waitlist=False) for _ in range(5)]
        # the view is refreshed only if nobody has read it for 0.1 s
        wait_until(
            lambda: _is_stuck_in_writing(stack),
            seconds=10,
            what="a worker that writes",
            every=0.25,
        )
        for name in ("allocation-1", "allocation-2"):
            stack.kill9(name)
        assert set(stack.statuses(each.id for each in asked).values()) == {"requested"}
    stack.heal()
    statuses = stack.wait_decided(each.id for each in asked)
    assert statuses[asked[0].id] == "confirmed"
    assert Counter(statuses.values()) == {"confirmed": 1, "declined": 4}
    assert_all_checks_pass(stack)


@pytest.mark.both
def test_workers_killed_again_and_again_under_load(stack: Stack) -> None:
    restaurant = stack.open_restaurant(tables=HALL)
    with Crowd(stack, restaurant) as crowd:
        for number in range(4):
            already = len(crowd.accepted)
            wait_until(
                lambda already=already: len(crowd.accepted) > already + 5,  # type: ignore[misc]
                seconds=20,
                what="more requests",
            )
            name = f"allocation-{number % 2 + 1}"
            stack.kill9(name)
            stack.processes[name].start()
    assert not crowd.unanswered
    assert crowd.ids
    assert "requested" not in stack.wait_decided(crowd.ids).values()
    assert_all_checks_pass(stack)


@pytest.mark.both
def test_a_worker_killed_before_the_servers_yes_sends_once(stack: Stack) -> None:
    restaurant = stack.open_restaurant(tables=FIRST_TABLE)
    stack.mailbox.stall = "before"
    asked = stack.post(restaurant, start=evening(), email="before@example.com")
    wait_until(lambda: stack.mailbox.stalled, seconds=15, what="a send")
    stack.kill9("messages")
    stack.mailbox.release()
    stack.processes["messages"].start()
    stack.let_claims_expire()
    stack.wait_decided([asked.id])
    stack.mailbox.wait_for(1, recipient="before@example.com")
    assert_all_checks_pass(stack)
    assert len(stack.mailbox.mails("before@example.com")) == 1


@pytest.mark.both
def test_a_worker_killed_after_the_servers_yes_may_send_twice_and_no_more(stack: Stack) -> None:
    """The one gap: the server accepted the mail, and that has not been recorded."""
    restaurant = stack.open_restaurant(tables=FIRST_TABLE)
    stack.mailbox.stall = "after"
    stack.post(restaurant, start=evening(), email="after@example.com")
    wait_until(lambda: stack.mailbox.stalled, seconds=15, what="a send")
    stack.kill9("messages")
    stack.mailbox.release()
    stack.processes["messages"].start()
    stack.let_claims_expire()
    stack.mailbox.wait_for(2, recipient="after@example.com")
    assert_all_checks_pass(stack)
    mails = stack.mailbox.mails("after@example.com")
    assert len(mails) == 2
    assert len({mail.message["Message-ID"] for mail in mails}) == 1


@pytest.mark.both
def test_senders_killed_again_and_again_leave_nobody_untold(stack: Stack) -> None:
    restaurant = stack.open_restaurant(tables=HALL)
    kills = 2
    with Crowd(stack, restaurant, guests=3, pause=0.1) as crowd:
        for _ in range(kills):
            already = len(stack.mailbox.mails())
            wait_until(
                lambda already=already: len(stack.mailbox.mails()) > already + 3,  # type: ignore[misc]
                seconds=20,
                what="more mails",
            )
            stack.kill9("messages")
            stack.let_claims_expire()
            stack.processes["messages"].start()
    stack.wait_decided(crowd.ids)
    assert_all_checks_pass(stack)
    sent = Counter(
        recipient
        for mail in stack.mailbox.mails()
        for recipient in mail.recipients
        if recipient in crowd.emails  # the mailbox is shared
    )
    assert len(sent) == len(crowd.ids)
    # each kill may have fallen into the gap of the one mail that each sender was sending
    assert sum(sent.values()) <= len(crowd.ids) + kills * settings().senders
    assert max(sent.values()) <= 1 + kills
