"""Retention by rule: guests are erased book by book, and again after a restore."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, delete, func, select, update
from sqlalchemy.orm import Session

from deploy.cli.main import main
from models.core.database.transactions import transaction
from models.core.secrets.signing import confirmation_code
from models.core.settings import settings
from models.entities import AuditEntry, Consent, JobRun, Message, Reservation, ShiftDay
from models.integrity.check import findings
from models.operations.accounts.audit import note
from models.operations.guests.consents import say_consent
from models.operations.guests.erasures import RetentionLine, read_erasures
from models.operations.reservations.contact_proofs import confirm_contact
from models.operations.stand.overdue import end_evenings
from models.rules.reservations.requests import ConsentSaid
from tasks import maintenance
from tasks.jobs import retention
from tasks.jobs.retention import RetentionResult, apply_retention, delete_audit
from tasks.jobs.stand import STAND_JOBS
from tests.operations.evenings import a_stand, rows_of
from tests.services.running.restaurant import open_restaurant
from tests.services.running.stand import NOW, STAFF, START, Stand

pytestmark = pytest.mark.both
#: a month after the evening of START
MUCH_LATER = START + timedelta(days=30)
DAY = timedelta(days=1)


def a_keeping_restaurant(db: Engine, **policies: Any) -> Stand:
    """Two evenings: a guest came to the first, one cancelled; one is confirmed for the second."""
    stand = a_stand(db, policies=policies)
    stand.ask(email="ada@example.com", phone="+4930123456", note="nuts")
    stand.cancel(stand.ask(email="grace@example.com"))
    stand.do(lambda session: end_evenings(session, now=START + 2 * DAY, limit=10))
    stand.ask(email="hopper@example.com", start=START + 20 * DAY)
    return stand


def names(stand: Stand) -> list[str]:
    with Session(stand.bind) as session:
        return [row.guest.name for row in session.scalars(select(Reservation).order_by("id"))]


def ids(stand: Stand) -> list[int]:
    with Session(stand.bind) as session:
        return list(session.scalars(select(Reservation.id).order_by(Reservation.id)))


def broken_rules(stand: Stand) -> set[str]:
    with Session(stand.bind) as session:
        return {each.rule for each in findings(session, now=MUCH_LATER, grace_seconds=1e9)}


def evenings_end(now: datetime = MUCH_LATER) -> None:
    """The scheduler ends the evenings of parties that the staff left open."""
    for job in STAND_JOBS.values():
        job(now)


def answer(stand: Stand, number: int) -> None:
    """The guest opens the link of every message sent to them."""
    guest = stand.row(number).guest
    for contact in filter(None, (guest.email, guest.phone)):
        code = confirmation_code(number, contact)
        assert stand.do(partial(confirm_contact, reservation_id=number, code=code, now=NOW))


def run(now: datetime = MUCH_LATER, seconds: float = 60) -> RetentionResult:
    return apply_retention(now=now, seconds=seconds)


def test_guests_of_old_books_are_forgotten_and_what_they_ate_when_is_not(db: Engine) -> None:
    stand = a_keeping_restaurant(db, keep_guests_days=15)
    with Session(stand.bind) as session:
        shape = (Reservation.party_size, Reservation.starts_at, Reservation.status)
        before = session.execute(select(*shape).order_by("id")).all()
    done = run()
    assert (done.guests, done.messages, done.more) == (2, 0, False)
    assert names(stand) == ["erased", "erased", "Party 3"]
    with Session(stand.bind) as session:
        assert session.execute(select(*shape).order_by("id")).all() == before
        assert not session.scalars(
            select(Reservation.id).where(
                Reservation.forgotten_at.is_not(None), Reservation.email_key.is_not(None)
            )
        ).all()
    assert run() == RetentionResult()
    evenings_end()
    assert CliRunner().invoke(main, ["check", "--grace", "100000000"]).exit_code == 0


def test_without_a_rule_nothing_is_forgotten(db: Engine) -> None:
    stand = a_keeping_restaurant(db)
    assert run() == RetentionResult()
    assert names(stand) == ["Party 1", "Party 2", "Party 3"]
    assert not settings().erasures_file.exists()


def test_a_book_is_kept_to_the_day(db: Engine) -> None:
    a_keeping_restaurant(db, keep_guests_days=15)
    assert run(START + 15 * DAY) == RetentionResult()
    assert run(START + 16 * DAY).guests == 2


def test_a_party_that_has_not_ended_is_kept_and_looked_at_again(db: Engine) -> None:
    stand = a_keeping_restaurant(db, keep_guests_days=15)
    run(START + 60 * DAY)
    # the last party's departure was not recorded: its book is not done
    assert names(stand)[2] == "Party 3"
    stand.do(lambda session: end_evenings(session, now=START + 21 * DAY, limit=10))
    assert run(START + 60 * DAY).guests == 1
    assert names(stand)[2] == "erased"


def test_a_run_that_ends_early_is_gone_on_with(db: Engine) -> None:
    stand = a_keeping_restaurant(db, keep_guests_days=15)
    assert run(seconds=-1) == RetentionResult(more=True)
    assert names(stand)[0] == "Party 1"
    assert run().guests == 2


def test_many_books_are_walked_in_batches(db: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_BOOKS_AT_ONCE", 2)
    stand = a_stand(db, policies={"keep_guests_days": 7})
    for days in range(5):
        stand.cancel(stand.ask(start=START + days * DAY))
    assert run().guests == 5
    assert set(names(stand)) == {"erased"}


def test_messages_are_deleted_and_the_check_knows(db: Engine) -> None:
    stand = a_keeping_restaurant(db, keep_messages_days=15)
    last = ids(stand)[-1]
    before = rows_of(stand, Message)
    done = run()
    with Session(stand.bind) as session:
        assert set(session.scalars(select(Message.reservation_id))) == {last}
    assert done.messages == before - rows_of(stand, Message) > 0
    assert names(stand)[0] == "Party 1"
    evenings_end()
    assert broken_rules(stand) == set()
    # and would report it, had the rows been deleted in any other way
    stand.plant(update(ShiftDay).values(messages_forgotten_at=None))
    assert broken_rules(stand) == {"message-missing"}


def test_consents_go_with_the_last_reservation(db: Engine) -> None:
    stand = a_keeping_restaurant(db, keep_guests_days=15)
    said = ConsentSaid(given=True, wording="page-1", source="manage", actor="guest")
    first, _, third = ids(stand)
    for number in (first, third):
        answer(stand, number)
        stand.do(partial(say_consent, reservation_id=number, said=said, now=NOW))
    assert rows_of(stand, Consent) == 3
    assert run().consents == 2
    key = stand.row(third).email_key
    with Session(stand.bind) as session:
        assert session.scalars(select(Consent.contact)).all() == [key]
    evenings_end()
    assert broken_rules(stand) == set()


def test_a_restaurant_that_cannot_be_read_is_left_out(db: Engine) -> None:
    stand = a_keeping_restaurant(db, keep_guests_days=15)
    broken = open_restaurant(db, slug="broken")
    Stand(db, broken).plant_policies({"pacing": "much"})
    assert run().guests == 2
    assert names(stand)[0] == "erased"


def test_after_a_restore_the_list_forgets_again(db: Engine) -> None:
    stand = a_keeping_restaurant(db, keep_guests_days=15)
    with Session(stand.bind) as session:
        row = Reservation
        columns = (row.id, row.guest_sealed, row.email_key, row.phone_key, row.forgotten_at)
        backup = session.execute(select(*columns)).all()
    run()
    (line,) = read_erasures(settings().erasures_file).lines
    assert isinstance(line, RetentionLine)
    for each in backup:
        values = dict(each._mapping)
        stand.plant(update(Reservation).where(Reservation.id == values.pop("id")).values(**values))
    # and meanwhile the restaurant has extended its retention
    stand.plant_policies({})
    stand.plant(update(ShiftDay).values(guests_forgotten_at=None))
    assert names(stand)[0] == "Party 1"
    command = ["guest", "replay", str(settings().erasures_file)]
    result = CliRunner().invoke(main, command)
    assert "1 erasures: 2 reservations" in result.output
    assert names(stand) == ["erased", "erased", "Party 3"]
    assert "1 erasures: 0 reservations" in CliRunner().invoke(main, command).output


def test_the_check_finds_guests_kept_too_long(db: Engine) -> None:
    stand = a_keeping_restaurant(db, keep_guests_days=15)
    first, second, _ = ids(stand)
    run()
    evenings_end()
    assert broken_rules(stand) == set()
    there = update(Reservation).where(Reservation.id == first)
    stand.plant(there.values(forgotten_at=None))
    assert broken_rules(stand) == {"forgotten", "row", "message-missing"}
    stand.plant(there.values(forgotten_at=NOW, email_key=b"x" * 16))
    assert "forgotten" in broken_rules(stand)
    stand.plant(there.values(email_key=None))
    assert broken_rules(stand) == set()
    assert stand.row(second).forgotten_at is not None


@pytest.mark.parametrize("phone", [None, "+4930123456"])
def test_messages_to_parties_booked_by_the_staff_have_a_cause(
    db: Engine, phone: str | None
) -> None:
    stand = a_stand(db, policies={"keep_guests_days": 15})
    came = stand.book(email="ada@example.com", phone=phone)
    stand.cancel(stand.book(email="grace@example.com", phone=phone))
    stand.book(email=None)
    evenings_end()
    assert rows_of(stand, Message) > 0
    assert broken_rules(stand) == set()
    assert run().guests == 3
    assert broken_rules(stand) == set()
    # and a message without a move still has no cause
    told = update(Message).where(Message.reservation_id == came)
    stand.plant(told.where(Message.kind == "confirmation").values(kind="waitlisted"))
    assert broken_rules(stand) == {"message-without-cause"}


def test_the_job_writes_down_what_it_did(db: Engine) -> None:
    a_keeping_restaurant(db, keep_guests_days=15)
    maintenance.retain()
    with transaction() as session:
        result = session.get_one(JobRun, "retain").result
    assert result is not None
    assert (result["guests"], result["more"], result["audit"]) == (2, False, 0)


def test_audit_is_kept_as_long_as_the_setting_says(db: Engine) -> None:
    stand = a_stand(db)
    for at in (NOW, NOW + 2 * DAY):
        with transaction() as session:
            note(
                session, stand.restaurant.id, actor=STAFF, action="guest.found", about=["A"], now=at
            )
    assert delete_audit(before=NOW + DAY) == 1
    with Session(stand.bind) as session:
        assert session.scalars(select(AuditEntry.at)).all() == [NOW + 2 * DAY]
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == 1
    stand.plant(delete(AuditEntry))
