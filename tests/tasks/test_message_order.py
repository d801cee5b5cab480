"""The last message shows the current state: whichever worker sends, however slow the server."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import true, update

from models.core.database.transactions import transaction
from models.core.settings import settings
from models.entities import Reservation
from models.operations.messages import claims
from tasks.messaging import delivery
from tasks.messaging.drain import drain
from tests.services.running.process import wait_until
from tests.services.running.restaurant import OpenRestaurant
from tests.services.servers.mailbox import Mailbox
from tests.tasks.mail_order import moved, order, reserve, row_of

pytestmark = pytest.mark.both
OpensRestaurant = Callable[..., OpenRestaurant]
CHANGED, CANCELLED = "has changed", "is cancelled"


@contextmanager
def held_up(mailbox: Mailbox) -> Iterator[None]:
    """A worker whose first mail stalls at the server until the end of the block."""
    mailbox.stall, mailbox.stall_most = "before", 1
    worker = threading.Thread(target=drain)
    worker.start()
    wait_until(lambda: mailbox.stalled == 1, seconds=10, what="a mail that is held up")
    yield
    mailbox.release()
    worker.join(30)


def cancel(reservation: int) -> int:
    """The guest cancels; return the message about it."""
    with transaction() as session:
        mine = update(Reservation).where(Reservation.id == reservation)
        session.execute(mine.values(status="cancelled", revision=Reservation.revision + 1))
    return order(reservation, kind="cancelled")


def subjects(mailbox: Mailbox, number: int) -> list[str]:
    return [mail.subject for mail in mailbox.mails(f"guest{number}@guests.example")]


def overtake(restaurant: OpensRestaurant, mailbox: Mailbox) -> list[str]:
    """Cancel while the mail about the change is being sent; another worker is idle."""
    reservation = reserve(restaurant().id, number=1)
    moved(reservation, reason="changed", revision=2)
    order(reservation, kind="changed")
    with held_up(mailbox):
        cancel(reservation)
        drain()
    drain()
    return subjects(mailbox, 1)


def test_two_workers_tell_one_guest_in_order(restaurant: OpensRestaurant, mailbox: Mailbox) -> None:
    first, last = overtake(restaurant, mailbox)
    assert CHANGED in first and CANCELLED in last


def test_control_two_workers_overtake_one_another_where_nothing_keeps_them_apart(
    restaurant: OpensRestaurant, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "_is_next", lambda _now: true())
    first, last = overtake(restaurant, mailbox)
    assert CANCELLED in first and CHANGED in last


def wait_behind(
    restaurant: OpensRestaurant, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    """Cancel while the confirmation waits behind a slow mail; return both messages."""
    monkeypatch.setattr(settings(), "senders", 1)
    opened = restaurant()
    order(reserve(opened.id, number=1))
    reservation = reserve(opened.id, number=2)
    confirmation = order(reservation)
    with held_up(mailbox):
        cancelled = cancel(reservation)
        wait_until(lambda: row_of(confirmation).state == "sending", seconds=5, what="the claim")
        threading.Event().wait(delivery.FRESH_SECONDS)
    drain()
    return [confirmation, cancelled]


def test_a_message_is_judged_when_it_is_sent_not_when_it_is_claimed(
    restaurant: OpensRestaurant, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmation, cancelled = wait_behind(restaurant, mailbox, monkeypatch)
    assert (row_of(confirmation).state, row_of(confirmation).error) == ("skipped", "superseded")
    assert row_of(cancelled).state == "sent"
    (only,) = subjects(mailbox, 2)
    assert CANCELLED in only


def test_control_a_message_judged_at_its_claim_tells_old_news(
    restaurant: OpensRestaurant, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "reread", lambda message, **_: message)
    monkeypatch.setattr("tasks.messaging.drain.reread", lambda message, **_: message)
    wait_behind(restaurant, mailbox, monkeypatch)
    assert len(subjects(mailbox, 2)) == 2


def test_of_two_refused_changes_the_last_is_told(
    restaurant: OpensRestaurant, mailbox: Mailbox
) -> None:
    """Both would name the change that was refused last."""
    reservation = reserve(restaurant().id, number=1, revision=4)
    for revision in (3, 4):
        moved(reservation, reason="change_refused", revision=revision)
    old, new = (
        order(reservation, kind="change_refused", reservation_revision=revision)
        for revision in (3, 4)
    )
    while any(row_of(one).state == "queued" for one in (old, new)):
        drain()
    assert [row_of(one).state for one in (old, new)] == ["skipped", "sent"]


def test_a_mail_whose_answer_was_lost_does_not_stand_as_skipped(
    restaurant: OpensRestaurant, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server took the mail; the connection broke before its reply; then the guest cancelled."""
    reservation = reserve(restaurant().id, number=1)
    confirmation = order(reservation)
    monkeypatch.setattr("tasks.messaging.channels.smtp.ACCEPT_SECONDS", 0.5)
    mailbox.stall, mailbox.stall_most = "after", 1
    drain()
    mailbox.release()
    row = row_of(confirmation)
    assert (row.state, row.attempts, len(mailbox.mails())) == ("queued", 1, 1)
    cancel(reservation)
    monkeypatch.setattr("models.core.clock.now", lambda: row.due_at)
    drain()
    assert (row_of(confirmation).state, len(mailbox.mails())) == ("sent", 2)
    assert (row_of(confirmation).error or "").startswith("unsure: ")


def test_a_busy_worker_keeps_its_claim_and_a_lost_claim_sends_nothing(
    restaurant: OpensRestaurant, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "senders", 1)
    monkeypatch.setattr("tasks.messaging.drain.RENEW_SECONDS", 0.05)
    opened = restaurant()
    first, second = (order(reserve(opened.id, number=number)) for number in (1, 2))
    with held_up(mailbox):
        until = row_of(first).claimed_until
        assert until is not None
        wait_until(
            lambda: (row_of(first).claimed_until or until) > until, seconds=5, what="a renewal"
        )
        with transaction() as session:  # another worker has claimed the second one meanwhile
            session.get_one(type(row_of(second)), second).claim = "other"
        threading.Event().wait(delivery.FRESH_SECONDS)
    assert row_of(first).state == "sent"
    assert subjects(mailbox, 2) == []
