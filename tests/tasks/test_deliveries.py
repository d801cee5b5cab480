"""Delivery of SMS after Twilio accepted them: callbacks, polling, and e-mail instead."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, update
from twilio.request_validator import RequestValidator

from models.core import clock
from models.core.database.transactions import reading, transaction
from models.core.errors import NotFound
from models.entities import Message
from models.operations.messages.deliveries import note_delivery
from models.rules.messages.deliveries import ASK_AFTER, ASK_AFTER_CALLS
from tasks.messages import ask, deliver
from tasks.messaging.channels.callbacks import can_be_called
from tests.services.running import surroundings
from tests.services.running.restaurant import OpenRestaurant
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.twilio import ACCOUNT, TOKEN, Twilio
from tests.tasks.mail_order import order, reserve, row_of
from web.app import create_app

OpensRestaurant = Callable[..., OpenRestaurant]
PUBLIC = "https://tables.bellavista.com"


@pytest.fixture
def twilio(service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Twilio]:
    server = Twilio()
    server.start()
    values = service_env | {
        "SMS_CHANNEL": "twilio",
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_BASE_URL": server.url,
    }
    surroundings.settle(monkeypatch, values)
    yield server
    server.stop()


def sent_text(restaurant: OpensRestaurant, **values: Any) -> int:
    text = order(reserve(restaurant().id, **values), channel="sms")
    deliver()
    assert row_of(text).state == "sent"
    return text


def mails_of(text: int) -> list[Message]:
    with reading() as session:
        about = session.get_one(Message, text).reservation_id
        mine = (Message.reservation_id == about, Message.channel == "email")
        found = list(session.scalars(select(Message).where(*mine)))
        session.expunge_all()
        return found


def call(client: FlaskClient, message: int, sid: str, status: str, token: str = TOKEN) -> int:
    form = {"MessageSid": sid, "MessageStatus": status, "ErrorCode": "30003", "To": "+49151"}
    signature = RequestValidator(token).compute_signature(f"{PUBLIC}/hooks/twilio/{message}", form)
    headers = {"X-Twilio-Signature": signature}
    return client.post(f"/hooks/twilio/{message}", data=form, headers=headers).status_code


@pytest.mark.both
def test_a_text_that_did_not_arrive_is_told_by_mail(
    db: Engine,
    restaurant: OpensRestaurant,
    mailbox: Mailbox,
    twilio: Twilio,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Twilio calls back, possibly twice, late, or out of order."""
    monkeypatch.setenv("PUBLIC_URL", PUBLIC)
    surroundings.forget_everything()
    text = sent_text(restaurant)
    (accepted,) = twilio.texts
    assert accepted.callback == f"{PUBLIC}/hooks/twilio/{text}"
    client = create_app().test_client()
    assert call(client, text, accepted.sid, "sent") == 204
    assert (row_of(text).state, row_of(text).delivery) == ("sent", "sent")
    for status in ("undelivered", "undelivered", "delivered"):
        assert call(client, text, accepted.sid, status) == 204
    row = row_of(text)
    assert (row.state, row.delivery) == ("failed", "undelivered")
    assert row.error == "twilio undelivered (30003)"
    (mail,) = mails_of(text)
    assert (mail.kind, mail.state) == (row.kind, "queued")
    deliver()
    assert len(mailbox.mails()) == 1


def test_nobody_else_says_what_became_of_a_text(
    db: Engine, restaurant: OpensRestaurant, twilio: Twilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_URL", PUBLIC)
    surroundings.forget_everything()
    text = sent_text(restaurant)
    sid, client = twilio.texts[0].sid, create_app().test_client()
    assert call(client, text, sid, "undelivered", token="guessed") == 404
    assert call(client, text, "SM" + "9" * 32, "undelivered") == 404
    assert call(client, text + 1, sid, "undelivered") == 404
    assert client.post(f"/hooks/twilio/{text}", data={"MessageSid": sid}).status_code == 404
    monkeypatch.setenv("SMS_CHANNEL", "file")
    surroundings.forget_everything()
    assert call(client, text, sid, "undelivered") == 404
    assert (row_of(text).state, row_of(text).delivery) == ("sent", None)


@pytest.mark.both
def test_where_twilio_cannot_call_it_is_asked(
    db: Engine, restaurant: OpensRestaurant, twilio: Twilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = sent_text(restaurant)
    sid = twilio.texts[0].sid
    assert twilio.texts[0].callback == ""
    real = clock.now
    twilio.become(sid, "sent")
    ask()
    assert row_of(text).delivery is None, "not at once"
    monkeypatch.setattr(clock, "now", lambda: real() + ASK_AFTER)
    ask()
    assert (row_of(text).state, row_of(text).delivery) == ("sent", "sent")
    twilio.become(sid, "undelivered", 30005)
    ask()
    assert (row_of(text).state, row_of(text).error) == ("failed", "twilio undelivered (30005)")
    assert len(mails_of(text)) == 1
    asked = len(twilio.asked)
    ask()
    assert len(twilio.asked) == asked, "its last word is known"


def test_a_call_that_was_lost_is_asked_for_later(
    db: Engine, restaurant: OpensRestaurant, twilio: Twilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_URL", PUBLIC)
    surroundings.forget_everything()
    text = sent_text(restaurant)
    twilio.become(twilio.texts[0].sid, "delivered")
    real = clock.now
    for after, delivery in ((ASK_AFTER, None), (ASK_AFTER_CALLS, "delivered")):
        monkeypatch.setattr(clock, "now", lambda after=after: real() + after)
        ask()
        assert row_of(text).delivery == delivery


def test_what_twilio_never_settles_is_given_up(
    db: Engine, restaurant: OpensRestaurant, twilio: Twilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = sent_text(restaurant)
    twilio.become(twilio.texts[0].sid, "sent")
    later = clock.now() + timedelta(hours=2, minutes=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    ask()
    assert (row_of(text).state, row_of(text).delivery) == ("sent", "unknown")
    asked = len(twilio.asked)
    ask()
    assert len(twilio.asked) == asked


def test_a_guest_without_an_address_or_with_a_mail_of_it_gets_no_other(
    db: Engine, restaurant: OpensRestaurant, twilio: Twilio
) -> None:
    opened = restaurant()
    alone = order(reserve(opened.id, number=1, guest_email=None), channel="sms")
    both = reserve(opened.id, number=2)
    told = order(both, channel="sms")
    order(both, state="sent")
    with transaction() as session:
        session.execute(update(Message).values(state="sent", provider_id="SM1"))
    for text in (alone, told):
        with transaction() as session:
            assert not note_delivery(
                session, text, provider_id="SM1", status="failed", code=None, now=clock.now()
            )
    assert (len(mails_of(alone)), len(mails_of(told))) == (0, 1)
    with transaction() as session, pytest.raises(NotFound):
        note_delivery(
            session, alone, provider_id="SM2", status="failed", code=None, now=clock.now()
        )


@pytest.mark.parametrize(
    ("url", "may"),
    [
        (PUBLIC, True),
        ("https://203.0.113.7", False),  # reserved for documentation
        ("https://9.9.9.9", True),
        ("http://tables.bellavista.com", False),
        ("https://localhost", False),
        ("https://web", False),
        ("https://10.0.0.7:8443", False),
        ("https://[fd00::1]", False),
        ("https://maitred.local", False),
    ],
)
def test_twilio_calls_where_the_internet_reaches_us(url: str, may: bool) -> None:
    assert can_be_called(url) is may
