"""Caps: the messages to one contact are limited, however many changes there are."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from models.core.redis import counters
from models.entities import Message
from tasks import metrics
from tasks.messages import deliver
from tasks.messaging import caps
from tests.services.running import surroundings
from tests.services.running.restaurant import OpenRestaurant
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.redis import RedisServer
from tests.tasks.mail_order import AN_OUTGOING, order, outgoing, reserve, row_of, states

#: so long that no window ends while a test runs
LOW = {
    "RATE_LIMITS": "on",
    "LIMIT_TOLD": "5/100days",
    "LIMIT_TOLD_DAY": "9/300days",
    "LIMIT_STRANGER": "2/100days",
    "LIMIT_STRANGER_DAY": "3/300days",
    "LIMIT_SMS_ABROAD": "2/100days",
}
SPELLINGS = ("ada@example.com", "ADA+1@example.com", "ada+2@Example.com", "Ada@EXAMPLE.com")


@pytest.fixture
def low(service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def settle(**more: str) -> None:
        surroundings.settle(monkeypatch, service_env | LOW | more)

    return settle


def told(count: int, *, first: int = 1, **values: Any) -> list[str]:
    """The results of so many messages."""
    return [caps.over(outgoing(id=first + number, **values)) for number in range(count)]


def test_one_contact_is_told_so_often_in_all_its_spellings(
    low: Callable[..., None], redis: RedisServer
) -> None:
    low()
    found = [
        caps.over(outgoing(id=number, guest_email=SPELLINGS[number % 4], reservation_id=number))
        for number in range(8)
    ]
    assert found == [""] * 5 + ["limited"] * 3
    assert told(1, first=50, guest_email="bob@example.com") == [""]


def test_an_unproved_contact_is_sent_less(low: Callable[..., None], redis: RedisServer) -> None:
    low()
    assert told(4, is_proved=False) == ["", "", "limited", "limited"]


def test_the_day_counts_too(low: Callable[..., None], redis: RedisServer) -> None:
    low(LIMIT_TOLD="1000/100days")
    assert told(10) == [""] * 9 + ["limited"]


def test_a_message_that_is_tried_again_counts_once(
    low: Callable[..., None], redis: RedisServer
) -> None:
    low()
    assert [caps.over(outgoing(id=1)) for _ in range(9)] == [""] * 9
    assert told(9, first=2, attempts=2) == [""] * 9
    assert told(4, first=20) == [""] * 4


def test_without_redis_this_process_counts(low: Callable[..., None]) -> None:
    low()
    assert told(7, guest_email="nobody.counts@example.com") == [""] * 5 + ["limited"] * 2
    assert counters.breaker.is_open


def test_text_messages_abroad_are_bounded_and_at_home_are_not(
    low: Callable[..., None], redis: RedisServer
) -> None:
    low(LIMIT_TOLD="1000/100days", LIMIT_TOLD_DAY="1000/100days")
    abroad = [
        caps.over(outgoing(id=number, channel="sms", guest_phone=f"+4477009001{number:02}"))
        for number in range(3)
    ]
    assert abroad == ["", "", "limited"]
    home = [
        caps.over(outgoing(id=10 + number, channel="sms", guest_phone=f"+491511234567{number}"))
        for number in range(5)
    ]
    assert home == [""] * 5


def test_a_restaurant_names_the_countries_of_its_text_messages(
    low: Callable[..., None], redis: RedisServer
) -> None:
    low(RATE_LIMITS="off")
    restaurant = replace(AN_OUTGOING.restaurant, sms_countries=("DE", "AT"))
    for phone, why in (("+4915112345678", ""), ("+436641234567", ""), ("+447700900123", "country")):
        assert caps.over(outgoing(channel="sms", guest_phone=phone, restaurant=restaurant)) == why
    assert caps.over(outgoing(guest_phone="+447700900123", restaurant=restaurant)) == ""


@pytest.mark.both
def test_what_is_over_is_recorded_with_its_reason_and_shown(
    low: Callable[..., None],
    restaurant: Callable[..., OpenRestaurant],
    redis: RedisServer,
    mailbox: Mailbox,
) -> None:
    low()
    opened = restaurant()
    shown = metrics._MESSAGES.labels("email", "confirmation", "limited")
    before = shown._value.get()
    numbers = [
        order(reserve(opened.id, number=number, guest_email="ada@example.com"))
        for number in range(9)
    ]
    deliver()
    assert states() == {"sent": 5, "skipped": 4}
    assert len(mailbox.mails()) == 5
    rows: list[Message] = [row_of(number) for number in numbers]
    assert [row.error for row in rows if row.state == "skipped"] == ["limited"] * 4
    assert shown._value.get() == before + 4
