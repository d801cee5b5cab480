"""Leases, job runs, retention, and the queries of Maitred's health."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select

from models.core.database.transactions import reading, transaction, unit
from models.entities import Account, IdempotencyKey, JobRun, Lease, Message, ShiftDay, SignIn
from models.operations.running.health import note_health
from models.operations.running.jobs import forget_old, record_job
from models.operations.running.leases import give_up, lead
from models.queries.running.health import (
    has_due_messages,
    last_health,
    read_health,
    restaurants_with_work,
)
from models.rules.health import (
    LATE_AFTER,
    OF_BACKUPS,
    OF_SECOND_STORE,
    OF_THE_LOG,
    WAITS_AT_MOST,
)
from models.rules.reservations.lifecycle import OVER_AFTER
from tests.services.running import surroundings
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import START, Stand
from tests.services.running.together import answers, together

pytestmark = pytest.mark.both
NOW = datetime(2026, 7, 3, 18, 0, tzinfo=UTC)


def take(holder: str, at: datetime = NOW) -> bool:
    with transaction() as session:
        return lead(session, "clock", holder=holder, now=at, seconds=10)


def test_one_leads_until_its_lease_ends(db: Engine) -> None:
    assert take("a")
    assert not take("b")
    assert take("a", NOW + timedelta(seconds=9))
    assert not take("b", NOW + timedelta(seconds=18))
    assert take("b", NOW + timedelta(seconds=19))
    assert not take("a", NOW + timedelta(seconds=20))


def test_of_many_at_once_one_leads(db: Engine) -> None:
    results = answers(together(take, [f"holder-{number}" for number in range(8)]))
    assert sorted(results) == [False] * 7 + [True]
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Lease)) == 1


def test_a_lease_is_given_up_by_its_holder_alone(db: Engine) -> None:
    assert take("a")
    with transaction() as session:
        give_up(session, "clock", holder="b")
    assert not take("b")
    with transaction() as session:
        give_up(session, "clock", holder="a")
    assert take("b")


def run(name: str, at: datetime, **outcome: Any) -> None:
    with transaction() as session:
        record_job(session, name, started=at, ended=at + timedelta(milliseconds=40), **outcome)


def test_a_failed_job_keeps_its_last_success(db: Engine) -> None:
    run("sweep", NOW, result={"lanes": [1]})
    run("sweep", NOW + timedelta(seconds=3), error="OperationalError")
    with reading() as session:
        row = session.get_one(JobRun, "sweep")
        assert row.last_started == NOW + timedelta(seconds=3)
        assert row.last_success == NOW + timedelta(milliseconds=40)
        assert row.last_error == "OperationalError"
        assert row.result == {"lanes": [1]}
        assert row.duration_ms == 40
    run("sweep", NOW + timedelta(seconds=6))
    with reading() as session:
        assert session.get_one(JobRun, "sweep").last_error is None


def key(number: int, age_hours: float) -> dict[str, Any]:
    values: dict[str, Any] = {
        column.name: "x"
        for column in IdempotencyKey.__table__.columns
        if column.name not in ("key", "body", "reservation_id", "created_at")
    }
    return values | {
        "key": number.to_bytes(32, "big"),
        "body": bytes(32),
        "reservation_id": number,
        "created_at": NOW - timedelta(hours=age_hours),
    }


def forget_all() -> int:
    gone = 0
    while True:
        with transaction() as session:
            count = forget_old(session, now=NOW)
        if not count:
            return gone
        gone += count


def test_only_what_is_old_is_forgotten(db: Engine) -> None:
    with transaction() as session:
        session.execute(
            insert(IdempotencyKey),
            [key(number, 49) for number in range(1500)] + [key(2000, 47)],
        )
        session.add(Account(id=1, email="a@b.example", password_hash="x", created_at=NOW))
        session.flush()
        for number, expires in ((1, NOW - timedelta(days=1)), (2, NOW + timedelta(days=1))):
            session.add(
                SignIn(id=number, account_id=1, refresh_id="r", created_at=NOW, expires_at=expires)
            )
    assert forget_all() == 1501
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(IdempotencyKey)) == 1
        assert list(session.scalars(select(SignIn.id))) == [2]


def message(state: str, **times: Any) -> Message:
    return Message(
        restaurant_id=1,
        reservation_id=1,
        reservation_revision=1,
        kind="reminder",
        channel="email",
        variant=len(state),
        state=state,
        created_at=NOW,
        due_at=times.pop("due_at", NOW),
        **times,
    )


def test_an_empty_restaurant_is_well_until_its_jobs_should_have_run(db: Engine) -> None:
    with reading() as session:
        assert read_health(session, now=NOW).is_well
        assert restaurants_with_work(session) == set()
        assert not has_due_messages(session, now=NOW)
        assert last_health(session, now=NOW) is None
    unit(lambda session: note_health(session, [], now=NOW))
    with reading() as session:
        assert read_health(session, now=NOW + timedelta(seconds=20)).is_well
        found = read_health(session, now=NOW + timedelta(days=2))
    assert {rows.kind: rows.count for rows in found.waiting} == dict.fromkeys(WAITS_AT_MOST, 0)
    left_out = {"health"} | OF_BACKUPS | OF_SECOND_STORE | OF_THE_LOG
    assert set(found.late) == LATE_AFTER.keys() - left_out


def test_a_restaurant_whose_backups_are_on_is_late_with_them(
    db: Engine, service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    backups = {"BACKUP_STORE": "/dev/null/nowhere", "BACKUP_KEY": "k" * 32}
    surroundings.settle(monkeypatch, service_env | backups)
    for name in LATE_AFTER:
        run(name, NOW)
    with reading() as session:
        found = read_health(session, now=NOW + timedelta(minutes=91))
    assert "backup" in found.late
    assert "drill" not in found.late


@pytest.mark.parametrize(
    ("environment", "store", "is_late"),
    [
        ("production", "", True),
        ("production", "/dev/null/nowhere", False),
        ("staging", "", False),
        ("development", "", False),
    ],
)
def test_production_without_any_backup_is_not_well(
    db: Engine,
    service_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    environment: str,
    store: str,
    is_late: bool,
) -> None:
    more = {"ENVIRONMENT": environment, "BACKUP_STORE": store, "BACKUP_KEY": "k" * 32}
    surroundings.settle(monkeypatch, service_env | more)
    for name in LATE_AFTER:
        run(name, NOW)
    with reading() as session:
        found = read_health(session, now=NOW + timedelta(seconds=20))
    assert ("backup" in found.late) is is_late
    assert [job.name for job in found.jobs].count("backup") == int(is_late or bool(store))


def test_a_restaurant_whose_jobs_ran_is_well(db: Engine) -> None:
    for name in LATE_AFTER:
        run(name, NOW)
    with reading() as session:
        found = read_health(session, now=NOW + timedelta(seconds=20))
    assert found.is_well
    run("health", NOW, result=found.as_json())
    unit(lambda session: lead(session, "scheduler", holder="a", now=NOW, seconds=50))
    with reading() as session:
        assert last_health(session, now=NOW + timedelta(seconds=30)) == found.as_json()
        old = last_health(session, now=NOW + timedelta(seconds=90))
    assert old is not None
    assert (old["well"], old["late"]) == (False, ["leader", "health"])


def test_what_waits_is_counted_and_its_oldest_timed(db: Engine, restaurant: Any) -> None:
    opened: OpenRestaurant = restaurant()
    shift = opened.shifts["dinner"]
    with transaction() as session:
        session.add(message("queued", due_at=NOW - timedelta(seconds=301)))
        session.add(message("sending", claimed_until=NOW - timedelta(seconds=10), claim="c"))
        session.add(
            ShiftDay(
                id=1,
                restaurant_id=opened.id,
                shift_id=shift,
                service_date=NOW.date(),
                freed_at=NOW - timedelta(seconds=61),
            )
        )
    with reading() as session:
        found = read_health(session, now=NOW)
        assert restaurants_with_work(session) == {opened.id}
        assert has_due_messages(session, now=NOW)
    rows = {row.kind: row for row in found.waiting}
    assert (rows["messages"].oldest_seconds, rows["messages"].is_late) == (301.0, True)
    assert (rows["freed_books"].oldest_seconds, rows["freed_books"].is_late) == (61.0, True)
    assert (rows["stuck_sends"].oldest_seconds, rows["stuck_sends"].is_late) == (10.0, False)
    assert {"messages", "freed_books"} <= set(found.late)


def test_a_party_that_nobody_ended_is_known(db: Engine, restaurant: Any) -> None:
    stand = Stand(db, restaurant(tables={"1": ("hall", 1, 2)}))
    stand.ask()
    stand.ask()
    for late, unended, waitlists in (
        (timedelta(minutes=4), None, 240.0),
        (timedelta(minutes=90) + OVER_AFTER + timedelta(minutes=9), 540.0, 27540.0),
        (timedelta(minutes=90) + OVER_AFTER + timedelta(minutes=11), 660.0, 27660.0),
    ):
        with reading() as session:
            found = read_health(session, now=START + late)
        rows = {row.kind: row for row in found.waiting}
        assert rows["unended"].oldest_seconds == unended
        assert rows["unended"].is_late is bool(unended and unended > 600)
        assert rows["waitlists"].oldest_seconds == waitlists
        assert rows["waitlists"].is_late is (waitlists > 300)
