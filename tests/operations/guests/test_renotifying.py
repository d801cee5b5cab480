"""Notifying again: the guest's current contact gets the current state, and reminders."""

import random
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from models.core.database.transactions import reading
from models.entities import Message, Reservation
from models.integrity.check import findings
from models.operations.guests.privacy import erase_guest
from models.operations.messages.claims import claim_due
from models.operations.messages.outcomes import record_sent
from models.operations.reservations.changes import edit_details
from models.queries.messages.outgoing import Outgoing, load_claimed
from models.rules.reservations.requests import GuestDetails
from tests.operations.evenings import ONE_TABLE, TWO_TABLES, a_stand
from tests.services.counting import counting
from tests.services.running.stand import NOW, STAFF, START, Stand

pytestmark = pytest.mark.both

OLD, NEW, PHONE = "old@example.com", "new@example.com", "+4930123456"
Row = tuple[int, str, str, int, str]


def edit(
    stand: Stand, number: int, email: str | None = None, phone: str | None = None, **more: Any
) -> None:
    guest = GuestDetails("Ada", email, phone)
    about: dict[str, Any] = {"now": NOW, "actor": "guest"} | more
    stand.do(lambda session: edit_details(session, number, guest=guest, **about))


def rows(stand: Stand, number: int, *states: str) -> set[Row]:
    """Revision, kind, channel, variant and state of the party's messages."""
    row = Message
    query = select(row.reservation_revision, row.kind, row.channel, row.variant, row.state).where(
        row.reservation_id == number
    )
    with Session(stand.bind) as session:
        found = {tuple(each) for each in session.execute(query)}
    return {each for each in found if not states or each[4] in states}  # type: ignore[misc]


def send(stand: Stand, *, now: datetime = NOW) -> list[Outgoing]:
    """Send all due messages, as a worker does."""
    claims = count()

    def work(session: Session) -> list[Outgoing]:
        claim = str(next(claims))
        claim_due(session, limit=50, now=now, claim=claim, lease_seconds=60)
        found = load_claimed(session, claim)
        for each in found:
            record_sent(session.connection(), each, provider_id="1", now=now)
        return found

    sent: list[Outgoing] = []
    while some := stand.do(work):
        sent += some
    return sent


def check(stand: Stand) -> None:
    with reading(stand.bind) as session:
        assert findings(session, now=NOW, grace_seconds=60) == []


def test_a_phone_instead_of_the_address_is_told_and_reminded(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2, email=OLD)
    send(stand)
    edit(stand, number, phone=PHONE)
    assert rows(stand, number, "queued") == {
        (3, "confirmation", "sms", 0, "queued"),
        (3, "reminder", "sms", 1440, "queued"),
        (3, "reminder", "sms", 180, "queued"),
        (3, "contact_changed", "email", 0, "queued"),
    }
    assert {each[:4] for each in rows(stand, number, "skipped")} == {
        (2, "reminder", "email", 1440),
        (2, "reminder", "email", 180),
    }
    check(stand)


def test_a_corrected_address_is_told_and_the_old_one_hears_it_once(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2, email=OLD)
    send(stand)
    edit(stand, number, email=NEW)
    told = {(each.kind, each.guest_email, each.guest_name) for each in send(stand)}
    assert told == {("confirmation", NEW, ""), ("contact_changed", OLD, "")}
    edit(stand, number, email=NEW)
    assert send(stand) == []
    reminders = {each[:4] for each in rows(stand, number, "queued")}
    assert reminders == {(3, "reminder", "email", 1440), (3, "reminder", "email", 180)}
    check(stand)


def test_the_contact_of_before_is_kept_no_longer_than_it_takes_to_tell(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2, email=OLD)
    send(stand)
    edit(stand, number, email=NEW)
    sealed = select(func.count()).where(Message.recipient_sealed.is_not(None))
    with Session(stand.bind) as session:
        assert session.scalar(sealed) == 1
    send(stand)
    with Session(stand.bind) as session:
        assert session.scalar(sealed) == 0


def test_a_forgotten_guest_is_not_told_at_the_previous_contact(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2, email=OLD)
    send(stand)
    edit(stand, number, email=NEW)
    stand.do(lambda session: erase_guest(session, NEW, cancel=True, now=NOW, actor="operator"))
    with Session(stand.bind) as session:
        assert not session.scalar(select(func.count()).where(Message.recipient_sealed.is_not(None)))
    assert rows(stand, number, "queued") == set()


def test_a_contact_that_had_heard_nothing_is_not_told_that_it_changed(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2, email=OLD)
    edit(stand, number, email=NEW)
    assert {(each.kind, each.guest_email) for each in send(stand)} == {("confirmation", NEW)}
    assert (3, "contact_changed", "email", 0, "skipped") in rows(stand, number)
    check(stand)


def test_staff_add_an_address_later(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.book(2, email=None)
    assert rows(stand, number) == set()
    edit(stand, number, email=NEW, actor=STAFF)
    assert {each[:4] for each in rows(stand, number, "queued")} == {
        (3, "confirmation", "email", 0),
        (3, "reminder", "email", 1440),
        (3, "reminder", "email", 180),
    }
    check(stand)


def test_an_undecided_party_is_told_by_its_decision_alone(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.request(2, email=OLD)
    edit(stand, number, email=NEW)
    assert rows(stand, number) == set()
    stand.drain()
    assert {(each.kind, each.guest_email) for each in send(stand)} == {("confirmation", NEW)}
    check(stand)


def test_a_waiting_partys_new_address_hears_that_it_waits(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    stand.ask(2, email="first@example.com")
    number = stand.ask(2, email=OLD)
    send(stand)
    edit(stand, number, email=NEW)
    assert ("waitlisted", NEW) in {(each.kind, each.guest_email) for each in send(stand)}
    check(stand)


def test_a_name_alone_tells_nobody(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2, email=OLD)
    before = rows(stand, number)
    edit(stand, number, email=OLD)
    assert rows(stand, number) == before


def test_what_an_earlier_release_left_untold_is_told_at_the_next_edit(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.book(2, email=None)
    key = select(Reservation.email_key).where(Reservation.id == stand.ask(2, email=NEW))
    with Session(stand.bind) as session:
        digest = session.scalar(key)
    # as the previous release wrote it: a new contact, and an edit that does not record it
    edit(stand, number)
    stand.plant(update(Reservation).where(Reservation.id == number).values(email_key=digest))
    edit(stand, number, email=None, phone=PHONE)
    kinds = {(each[1], each[2]) for each in rows(stand, number, "queued")}
    assert ("confirmation", "sms") in kinds


def test_an_edit_costs_few_statements(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2, email=OLD)
    with counting(db) as counted:
        edit(stand, number, email=NEW, now=NOW + timedelta(minutes=1))
    # eight of them file a guest that was not filed before; one asks whether the guest is blocked
    assert counted.count <= 21, counted.sql


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_after_any_history_each_contact_of_now_knows_how_things_stand(
    db: Engine, seed: int
) -> None:
    """Moves, changes, edits and sending in any order; the check and the rows agree."""
    dice = random.Random(seed)
    stand = a_stand(db, tables=TWO_TABLES)
    stand.ask(2, email="other@example.com")
    number = stand.ask(2, email=OLD)
    for step in range(1, 10):
        now = NOW + timedelta(minutes=10 * step)
        what = dice.choice(["edit", "edit", "change", "send", "wait"])
        if what == "edit":
            email = dice.choice([None, OLD, NEW])
            phone = dice.choice([None, PHONE, "+4930654321"])
            edit(stand, number, email or (None if phone else OLD), phone, now=now)
        elif what == "change":
            start = START + dice.choice([-1, 0, 1]) * timedelta(hours=1)
            stand.wish_or_withdraw(number, now=now, starts_at=start)
            stand.drain(now=now)
        elif what == "send":
            send(stand, now=now)
        send_all = step == 9
        if send_all:
            send(stand, now=now)
    with reading(stand.bind) as session:
        assert findings(session, now=now, grace_seconds=60) == []
    row = stand.row(number)
    by = {"email": row.email_key, "sms": row.phone_key}
    told = rows(stand, number, "sent", "queued")
    state = {"confirmed": {"confirmation", "changed"}, "waitlisted": {"waitlisted"}}[row.status]
    for channel, key in by.items():
        if key:
            assert [each for each in told if each[2] == channel and each[1] in state], channel
        else:
            assert not [each for each in told if each[2] == channel and each[4] == "queued"]
