"""Delivery: due messages are sent once, over real SMTP, whatever happens around it."""

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, update
from sqlalchemy.exc import OperationalError

from models.core import clock
from models.core.database.transactions import transaction
from models.core.settings import settings
from models.entities import Message, Reservation
from models.operations.messages.claims import release_expired_claims
from models.operations.running.flags import set_flag
from models.queries.running import flags
from tasks import messages
from tasks.messages import deliver
from tasks.messaging import delivery
from tasks.messaging import drain as draining
from tasks.messaging.channels import Receipt, twilio_api
from tasks.messaging.channels import email as email_channel
from tasks.messaging.channels.email import send_email
from tasks.messaging.drain import CLAIM_LIMIT, drain
from tasks.messaging.templates.render import render_letter
from tests.services.running import surroundings
from tests.services.running.process import wait_until
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.together import answers, together
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.twilio import ACCOUNT, TOKEN, Twilio
from tests.tasks.mail_order import moved, order, reserve, row_of, states

OpensRestaurant = Callable[..., OpenRestaurant]
both = pytest.mark.both


def recipients(box: Mailbox) -> list[str]:
    return [address for mail in box.mails() for address in mail.recipients]


@both
def test_all_that_is_due_goes_out_once(
    restaurant: OpensRestaurant, mailbox: Mailbox, service_env: dict[str, str]
) -> None:
    opened = restaurant()
    for number in range(CLAIM_LIMIT + 5):
        order(reserve(opened.id, number=number))
    text = order(reserve(opened.id, number=999), channel="sms")
    deliver()
    assert states() == {"sent": CLAIM_LIMIT + 6}
    assert sorted(recipients(mailbox)) == sorted(
        f"guest{number}@guests.example" for number in range(CLAIM_LIMIT + 5)
    )
    deliver()
    assert len(mailbox.mails()) == CLAIM_LIMIT + 5
    (line,) = Path(service_env["SMS_FILE"]).read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["to"] == "+4915100000999"
    row = row_of(text)
    assert (row.provider_id, row.error) == (f"file-{text}", None)
    assert row.sent_at is not None


@both
def test_two_workers_at_once_send_each_message_once(
    restaurant: OpensRestaurant, mailbox: Mailbox
) -> None:
    opened = restaurant()
    for number in range(60):
        order(reserve(opened.id, number=number))
    answers(together(lambda _number: drain(), range(3)))
    assert states() == {"sent": 60}
    assert len(recipients(mailbox)) == len(set(recipients(mailbox))) == 60


def test_mistake_7_no_reminder_for_a_cancelled_or_moved_reservation(
    restaurant: OpensRestaurant, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon(monkeypatch)
    opened = restaurant()
    soon = clock.now() + timedelta(hours=3)
    cancelled = order(
        reserve(opened.id, number=1, status="cancelled", starts_at=soon), kind="reminder"
    )
    shifted = reserve(opened.id, number=2, revision=5, starts_at=soon + timedelta(days=1))
    moved(shifted, reason="changed", revision=4)
    old = order(shifted, kind="reminder", reservation_revision=2, variant=180)
    edited = reserve(opened.id, number=3, revision=5, starts_at=soon)
    moved(edited, reason="edited", revision=5)
    kept = order(edited, kind="reminder", reservation_revision=2, variant=180)
    past = order(
        reserve(opened.id, number=4, starts_at=clock.now() - timedelta(minutes=1)),
        kind="reminder",
    )
    deliver()
    assert {name: (row_of(name).state, row_of(name).error) for name in (cancelled, old, past)} == {
        cancelled: ("skipped", "superseded"),
        old: ("skipped", "superseded"),
        past: ("skipped", "too_late"),
    }
    assert row_of(kept).state == "sent"
    assert recipients(mailbox) == ["guest3@guests.example"]


def test_a_confirmation_overtaken_by_a_cancellation_is_not_sent(
    restaurant: OpensRestaurant, mailbox: Mailbox
) -> None:
    reservation = reserve(restaurant().id)
    confirmation = order(reservation)
    with transaction() as session:
        session.execute(update(Reservation).values(status="cancelled", revision=3))
    order(reservation, kind="cancelled")
    deliver()
    assert (row_of(confirmation).state, row_of(confirmation).error) == ("skipped", "superseded")
    (mail,) = mailbox.mails()
    assert "is cancelled" in mail.subject


def noon(monkeypatch: pytest.MonkeyPatch, hour: int = 12) -> None:
    """Set the clock to that hour (UTC) of tomorrow."""
    now = clock.now().replace(hour=hour, minute=0, second=0, microsecond=0) + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: now)


def test_a_reminder_waits_for_the_morning_and_that_is_no_attempt(
    restaurant: OpensRestaurant, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon(monkeypatch, hour=1)
    opened = restaurant(zone="Africa/Lagos")  # an hour ahead of UTC, all year
    start = clock.now() + timedelta(hours=18)
    reminder = order(reserve(opened.id, number=1, starts_at=start), kind="reminder")
    confirmation = order(reserve(opened.id, number=2, starts_at=start))
    deliver()
    row = row_of(reminder)
    assert (row.state, row.attempts) == ("queued", 0)
    assert row.due_at == clock.now().replace(hour=7)
    assert row_of(confirmation).state == "sent"
    monkeypatch.setattr(clock, "now", lambda: row.due_at)
    deliver()
    assert row_of(reminder).state == "sent"


def test_one_bad_recipient_never_stops_the_next(
    restaurant: OpensRestaurant, mailbox: Mailbox
) -> None:
    opened = restaurant()
    bad = order(reserve(opened.id, number=1, guest_email="not an address"))
    good = order(reserve(opened.id, number=2))
    deliver()
    assert row_of(bad).state == "failed"
    assert "not an address" not in (row_of(bad).error or "")
    assert row_of(good).state == "sent"


def test_a_fault_of_ours_in_one_message_never_stops_the_next(
    restaurant: OpensRestaurant,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    opened = restaurant()
    bad, good = (order(reserve(opened.id, number=number)) for number in (1, 2))
    real = render_letter

    def render(outgoing: Any) -> Any:
        if outgoing.id == bad:
            raise ZeroDivisionError(outgoing.guest_email)
        return real(outgoing)

    monkeypatch.setattr(email_channel, "render_letter", render)
    deliver()
    row = row_of(bad)
    assert (row.state, row.error) == ("queued", "internal: ZeroDivisionError")
    assert row.due_at > clock.now() + timedelta(seconds=25)
    assert row_of(good).state == "sent"
    assert "guests.example" not in caplog.text
    assert any("render" in getattr(record, "where", "") for record in caplog.records)


def test_a_guest_without_that_contact_is_skipped(
    restaurant: OpensRestaurant, mailbox: Mailbox
) -> None:
    reservation = reserve(restaurant().id, guest_email=None, guest_phone=None)
    ids = [order(reservation, channel=channel) for channel in ("email", "sms")]
    deliver()
    assert [(row_of(one).state, row_of(one).error) for one in ids] == [
        ("skipped", "unreachable")
    ] * 2


@both
def test_a_dead_mail_server_costs_no_attempt_and_holds_up_no_sms(
    restaurant: OpensRestaurant, service_env: dict[str, str]
) -> None:
    opened = restaurant()
    mails = [order(reserve(opened.id, number=number)) for number in range(3)]
    text = order(reserve(opened.id, number=9), channel="sms")
    deliver()
    for one in mails:
        row = row_of(one)
        assert (row.state, row.attempts) == ("queued", 0)
        assert row.due_at < clock.now(), "it waits, and is counted as waiting"
        assert row.error is not None and row.error.startswith("smtp: cannot connect")
    assert row_of(text).state == "sent"


def test_a_mail_server_that_comes_back_gets_everything(
    restaurant: OpensRestaurant, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = restaurant()
    for number in range(5):
        order(reserve(opened.id, number=number))
    mailbox.stop()
    deliver()
    assert states() == {"queued": 5}
    mailbox.start()
    deliver()
    assert states() == {"queued": 5}, "not before the backoff is over"
    later = clock.now() + timedelta(seconds=31)
    monkeypatch.setattr(clock, "now", lambda: later)
    deliver()
    assert states() == {"sent": 5}
    assert len(mailbox.mails()) == 5


def test_a_server_that_says_no_for_now_is_asked_again_later(
    restaurant: OpensRestaurant, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = order(reserve(restaurant().id))
    mailbox.refuse_with = "451 later"
    deliver()
    row = row_of(message)
    assert (row.state, row.attempts, row.error) == (
        "queued",
        1,
        "smtp 451: text temporarily refused",
    )
    mailbox.refuse_with = ""
    monkeypatch.setattr(clock, "now", lambda: row.due_at)
    deliver()
    assert (row_of(message).state, row_of(message).error) == ("sent", None)


def test_a_lost_answer_of_twilio_sends_no_second_text(
    restaurant: OpensRestaurant,
    service_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    twilio = Twilio()
    twilio.start()
    values = service_env | {
        "SMS_CHANNEL": "twilio",
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_BASE_URL": twilio.url,
    }
    message = order(reserve(restaurant().id), channel="sms")
    surroundings.settle(monkeypatch, values)
    monkeypatch.setattr(twilio_api, "TIMEOUT_SECONDS", 0.4)
    twilio.lose_answers = True
    deliver()
    row = row_of(message)
    assert (row.state, row.attempts) == ("queued", 1)
    twilio.lose_answers = False
    monkeypatch.setattr(clock, "now", lambda: row.due_at)
    deliver()
    assert row_of(message).state == "sent"
    assert row_of(message).provider_id == twilio.texts[0].sid
    assert len(twilio.texts) == 1
    twilio.stop()


@both
def test_a_record_waits_for_the_database_and_nothing_is_sent_twice(
    db: Engine, restaurant: OpensRestaurant, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away between the server's acceptance and the record of it."""
    message = order(reserve(restaurant().id))
    until = time.monotonic() + 2.0

    def gone(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if mailbox.mails() and time.monotonic() < until:
            raise OperationalError(statement, {}, Exception("the server has gone away"))

    event.listen(db, "before_cursor_execute", gone)
    deliver()
    event.remove(db, "before_cursor_execute", gone)
    assert time.monotonic() > until
    assert row_of(message).state == "sent"
    deliver()
    assert len(mailbox.mails()) == 1


@both
def test_a_claim_whose_answer_is_lost_is_sent_by_the_same_drain(
    db: Engine, restaurant: OpensRestaurant, mailbox: Mailbox
) -> None:
    """The database goes away after the claim's commit, before its answer."""
    message = order(reserve(restaurant().id))

    def lose_the_answer(connection: Connection) -> None:
        line = connection.connection.dbapi_connection
        assert line is not None
        line.commit()
        line.close()

    event.listen(db, "commit", lose_the_answer, once=True)
    drain()
    assert row_of(message).state == "sent"
    assert len(mailbox.mails()) == 1


@both
def test_each_message_is_recorded_before_the_next_is_sent(
    restaurant: OpensRestaurant, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that dies between two sends leaves the first one recorded."""
    opened = restaurant()
    first, second = (
        order(reserve(opened.id, number=number), due_at=clock.now() - timedelta(minutes=9 - number))
        for number in (1, 2)
    )
    real = send_email

    def die_at_the_second(line: Any, outgoing: Any, **options: Any) -> Receipt:
        if outgoing.id == second:
            raise SystemExit("killed")
        return real(line, outgoing, **options)

    monkeypatch.setattr(delivery, "send_email", die_at_the_second)
    with pytest.raises(SystemExit):
        deliver()
    assert (row_of(first).state, row_of(second).state) == ("sent", "sending")
    with transaction() as session:
        release_expired_claims(session, clock.now() + timedelta(minutes=5))
    monkeypatch.setattr(delivery, "send_email", real)
    deliver()
    assert recipients(mailbox) == ["guest1@guests.example", "guest2@guests.example"]


def test_a_drain_whose_time_is_up_gives_the_rest_back_and_asks_for_more(
    restaurant: OpensRestaurant, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = restaurant()
    for number in range(4):
        order(reserve(opened.id, number=number))
    monkeypatch.setattr(draining, "DRAIN_SECONDS", 0.5)
    monkeypatch.setattr(settings(), "senders", 1)
    mailbox.stall = "before"
    threading.Timer(0.8, mailbox.release).start()
    nudged: list[bool] = []
    monkeypatch.setattr(messages, "nudge_messages", lambda: nudged.append(True))
    deliver()
    assert nudged == [True]
    assert states() == {"sent": 1, "queued": 3}
    deliver()
    assert states() == {"sent": 4}
    assert len(mailbox.mails()) == 4


def test_a_slow_mail_server_is_spoken_to_over_several_lines_at_once(
    restaurant: OpensRestaurant, mailbox: Mailbox
) -> None:
    opened = restaurant()
    for number in range(8):
        order(reserve(opened.id, number=number))
    mailbox.stall = "before"
    worker = threading.Thread(target=deliver)
    worker.start()
    wait_until(lambda: mailbox.stalled == settings().senders, seconds=10, what="four senders")
    mailbox.release()
    worker.join(20)
    assert states() == {"sent": 8}
    assert sorted(recipients(mailbox)) == [f"guest{number}@guests.example" for number in range(8)]


def test_what_one_guest_is_told_stays_in_order(
    restaurant: OpensRestaurant, mailbox: Mailbox
) -> None:
    opened = restaurant()
    told = [reserve(opened.id, number=number) for number in range(6)]
    wanted: dict[str, list[str]] = {}
    for variant in range(4):
        for number, reservation in enumerate(told):
            message = order(reservation, variant=variant)
            address = f"guest{number}@guests.example"
            wanted.setdefault(address, []).append(f"<message-{message}.maitred@localhost>")
    deliver()
    got: dict[str, list[str]] = {}
    for mail in mailbox.mails():
        got.setdefault(mail.recipients[0], []).append(mail.message["Message-ID"])
    assert got == wanted


def test_the_claims_of_a_dead_worker_are_sent_by_another(
    restaurant: OpensRestaurant, mailbox: Mailbox
) -> None:
    message = order(reserve(restaurant().id))
    with transaction() as session:
        session.execute(
            update(Message).values(
                state="sending",
                claim="dead",
                claimed_until=clock.now() - timedelta(seconds=1),
                attempts=1,
            )
        )
    deliver()
    assert row_of(message).state == "sending"
    with transaction() as session:
        release_expired_claims(session, clock.now())
    deliver()
    assert (row_of(message).state, row_of(message).attempts) == ("sent", 2)


@both
def test_texts_that_are_switched_off_wait_and_cost_no_attempt(
    restaurant: OpensRestaurant,
    mailbox: Mailbox,
    service_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = restaurant()
    about = reserve(opened.id, number=1)
    mail, text = order(about), order(about, channel="sms")
    switch = partial(set_flag, name="sms", restaurant_id=opened.id, actor="operator")
    with transaction() as session:
        switch(session, is_killed=True, now=clock.now())
    deliver()
    assert row_of(mail).state == "sent"
    held = row_of(text)
    assert (held.state, held.attempts) == ("queued", 0)
    assert not Path(service_env["SMS_FILE"]).exists()
    with transaction() as session:
        switch(session, percent=100, now=clock.now())
    later = clock.now() + delivery.HELD
    monkeypatch.setattr(clock, "now", lambda: later)
    flags.database_flags()._seen = float("-inf")
    deliver()
    assert row_of(text).state == "sent"
