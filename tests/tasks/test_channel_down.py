"""A channel that is down: nothing is lost, no attempt is counted, and operators are notified."""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine

from models.core import clock
from models.core.database.transactions import reading, transaction
from models.entities import ChannelState, Message
from models.operations.running.flags import set_flag
from models.queries.running import flags
from models.queries.running.health import Health, read_health
from models.rules.flags import Flag
from tasks.messages import deliver
from tasks.messaging import delivery
from tests.services.running.restaurant import OpenRestaurant
from tests.services.servers.mailbox import Mailbox
from tests.tasks.mail_order import order, reserve, row_of, states

OpensRestaurant = Callable[..., OpenRestaurant]
Later = Callable[[float], None]
both = pytest.mark.both


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Advance the clock by seconds."""
    real, passed = clock.now, [0.0]

    def step(seconds: float) -> None:
        passed[0] += seconds
        monkeypatch.setattr(clock, "now", lambda: real() + timedelta(seconds=passed[0]))

    return step


def guests(restaurant_id: int, count: int, *, first: int = 0) -> list[int]:
    return [order(reserve(restaurant_id, number=first + number)) for number in range(count)]


def state(channel: str = "email") -> ChannelState:
    with reading() as session:
        row = session.get_one(ChannelState, channel)
        session.expunge(row)
        return row


def health() -> Health:
    with reading() as session:
        return read_health(session, now=clock.now())


@both
@pytest.mark.parametrize(
    ("where", "answer"),
    [
        ("DATA", "550 5.4.5 Daily user sending limit exceeded"),
        ("DATA", "554 5.7.0 Too many unauthenticated commands"),
        ("DATA", "554 Message rejected: Sending suspended for this account."),
        ("MAIL", "550 5.7.1 Not you"),
        ("MAIL", "451 4.3.0 Not now"),
    ],
)
def test_a_refusal_of_the_sender_costs_no_attempt_however_long_it_lasts(
    restaurant: OpensRestaurant, mailbox: Mailbox, later: Later, where: str, answer: str
) -> None:
    messages = guests(restaurant().id, 6)
    mailbox.refusals[where] = answer
    for _ in range(15):
        deliver()
        later(3600)
    assert [(row_of(one).state, row_of(one).attempts) for one in messages] == [("queued", 0)] * 6
    mailbox.refusals.clear()
    deliver()
    assert states() == {"sent": 6}
    assert len(mailbox.mails()) == 6
    assert health().channels[0].is_up


def test_a_channel_that_is_down_is_told_at_once_and_its_queue_is_counted(
    restaurant: OpensRestaurant, mailbox: Mailbox, later: Later, caplog: pytest.LogCaptureFixture
) -> None:
    guests(restaurant().id, 5)
    mailbox.stop()
    with caplog.at_level(logging.INFO):
        for _ in range(20):
            deliver()
            later(31)
    (told,) = [record for record in caplog.records if record.message == "channel down"]
    assert told.levelno == logging.ERROR and "guests.example" not in caplog.text
    found = health()
    assert "channel.email" in found.late and not found.is_well
    (email,) = [each for each in found.channels if each.channel == "email"]
    assert (email.is_up, email.reason[:20]) == (False, "smtp: cannot connect")
    assert email.down_seconds is not None and 600 < email.down_seconds < 640
    (waits,) = [each for each in found.waiting if each.kind == "messages"]
    assert waits.count == 5 and (waits.oldest_seconds or 0) > 600
    mailbox.start()
    with caplog.at_level(logging.INFO):
        deliver()
    assert [record.message for record in caplog.records].count("channel up") == 1
    assert states() == {"sent": 5} and "channel.email" not in health().late


def test_one_message_tries_a_channel_that_is_down(
    restaurant: OpensRestaurant, mailbox: Mailbox, later: Later
) -> None:
    guests(restaurant().id, 8)
    mailbox.refusals["DATA"] = "550 5.4.5 limit"
    deliver()
    heard = mailbox.asked
    deliver()
    assert mailbox.asked == heard, "not before its time"
    later(31)
    deliver()
    assert mailbox.asked == heard + 1


def test_a_refusal_of_one_guest_stops_no_other(
    restaurant: OpensRestaurant, mailbox: Mailbox
) -> None:
    """The reply resembles a refusal of the sender; the other messages go out, so it was not."""
    bad, *good = guests(restaurant().id, 6)
    mailbox.refusals["guest0@guests.example"] = "550 5.7.1 Not wanted"
    deliver()
    assert {row_of(one).state for one in good} == {"sent"}
    assert (row_of(bad).state, row_of(bad).attempts) == ("queued", 1)
    assert health().channels[0].is_up


def test_a_lone_message_makes_a_channel_seem_down_only_once(
    restaurant: OpensRestaurant, mailbox: Mailbox, later: Later
) -> None:
    opened = restaurant()
    (bad,) = guests(opened.id, 1)
    mailbox.refusals["guest0@guests.example"] = "550 5.7.1 Not wanted"
    deliver()
    assert (row_of(bad).attempts, health().channels[0].is_up) == (0, False)
    (good,) = guests(opened.id, 1, first=1)
    later(31)
    deliver()  # the other one tries the channel
    assert row_of(good).state == "sent"
    assert (row_of(bad).attempts, health().channels[0].is_up) == (1, True)
    later(31)
    deliver()
    assert (row_of(bad).attempts, health().channels[0].is_up) == (2, True)


def test_a_channel_on_which_nothing_waits_comes_back_by_itself(
    restaurant: OpensRestaurant, mailbox: Mailbox, later: Later
) -> None:
    (message,) = guests(restaurant().id, 1)
    mailbox.stop()
    deliver()
    assert state().down_since is not None
    with transaction() as session:
        session.get_one(Message, message).state = "skipped"
    later(31)
    deliver()
    assert state().down_since is not None, "the server is still away"
    mailbox.start()
    later(31)
    deliver()
    assert state().down_since is None


def test_a_mail_server_that_is_down_holds_up_no_text(
    restaurant: OpensRestaurant, mailbox: Mailbox, later: Later
) -> None:
    opened = restaurant()
    guests(opened.id, 3)
    mailbox.stop()
    deliver()
    text = order(reserve(opened.id, number=9), channel="sms")
    deliver()
    assert row_of(text).state == "sent"
    mailbox.start()


@both
@pytest.mark.parametrize("channel", ["email", "sms"])
def test_a_channel_that_is_switched_off_waits_and_costs_no_attempt(
    restaurant: OpensRestaurant,
    mailbox: Mailbox,
    later: Later,
    service_env: dict[str, str],
    channel: str,
) -> None:
    opened = restaurant()
    about = reserve(opened.id, number=1)
    held = order(about, channel=channel)
    goes = order(about, channel={"email": "sms", "sms": "email"}[channel])
    switch = partial(set_flag, name=Flag(channel), restaurant_id=opened.id, actor="operator")
    with transaction() as session:
        switch(session, is_killed=True, now=clock.now())
    deliver()
    assert row_of(goes).state == "sent"
    assert (row_of(held).state, row_of(held).attempts) == ("queued", 0)
    assert len(mailbox.mails()) + Path(service_env["SMS_FILE"]).exists() == 1
    with transaction() as session:
        switch(session, percent=100, now=clock.now())
    later(delivery.HELD.total_seconds())
    flags.database_flags()._seen = float("-inf")
    deliver()
    assert row_of(held).state == "sent"


def test_a_full_mailbox_is_tried_again(
    restaurant: OpensRestaurant, mailbox: Mailbox, later: Later
) -> None:
    (message,) = guests(restaurant().id, 1)
    mailbox.refusals["guest0@guests.example"] = "552 5.2.2 Over quota"
    deliver()
    assert (row_of(message).state, row_of(message).attempts) == ("queued", 1)
    mailbox.refusals.clear()
    later(31)
    deliver()
    assert row_of(message).state == "sent"


def test_looking_for_channels_to_try_costs_a_drain_one_query(
    db: Engine, restaurant: OpensRestaurant, mailbox: Mailbox, query_counter: Callable[[], object]
) -> None:
    restaurant()
    deliver()
    with query_counter() as statements:  # type: ignore[attr-defined]
        deliver()
    # without BEGIN and COMMIT: whether to try a channel, due messages
    assert statements.count == 2
