"""`unit`: what it retries, when it gives up, and what runs around its commit."""

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, Row, event, insert, text, update
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from sqlalchemy.orm import Session

from models.core.database.transactions import (
    ATTEMPTS,
    after_commit,
    before_commit,
    dialect_of,
    make_engine,
    one_state,
    reading,
    transaction,
    unit,
)
from models.core.errors import Busy
from models.entities import Reservation, Restaurant, ShiftDay, TableOccupancy
from models.operations.deciding.books import lock_books
from models.rules.restaurant.restaurant import book_id
from tests.operations.evenings import a_stand
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.together import answers, together
from tests.services.servers.mariadb import MariaDB

Open = Callable[..., OpenRestaurant]
DAYS = [date(2026, 3, day) for day in (6, 7)]


@pytest.fixture
def impatient(database_url: str, service_env: dict[str, str]) -> Iterator[Engine]:
    """An engine like the product's that waits at most one second for a lock."""
    bind = make_engine(database_url)

    @event.listens_for(bind, "connect")
    def hurry(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        if bind.dialect.name == "sqlite":
            cursor.execute("PRAGMA busy_timeout=100")
        else:
            cursor.execute("SET SESSION innodb_lock_wait_timeout=1")
        cursor.close()

    yield bind
    bind.dispose()


def books_of(made: OpenRestaurant) -> list[int]:
    """The ids of two books of the restaurant, the smaller first."""
    return [book_id(made.shifts["dinner"], day) for day in DAYS]


@pytest.mark.mariadb
def test_a_read_after_the_server_was_restarted_finds_a_living_connection(
    database_url: str, mariadb: MariaDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    bind = make_engine(database_url)
    with reading(bind) as session:
        before = session.scalar(text("SELECT CONNECTION_ID()"))
    monkeypatch.setattr("models.core.database.transactions.IDLE_SECONDS", 0.0)
    with reading(bind) as session:
        assert session.scalar(text("SELECT CONNECTION_ID()")) == before
    mariadb.restart()
    with reading(bind) as session:
        assert session.scalar(text("SELECT 1")) == 1
    bind.dispose()


# --- retries


@pytest.mark.mariadb
def test_a_real_deadlock_is_tried_again_and_both_succeed(db: Engine, restaurant: Open) -> None:
    made = restaurant()
    one, two = books_of(made)
    unit(lambda session: lock_books(session, {one: made.id, two: made.id}))
    met = threading.Barrier(2)
    tries: list[int] = []

    def cross(order: tuple[int, int]) -> str:
        first_try = True

        def work(session: Session) -> str:
            nonlocal first_try
            tries.append(order[0])
            lock_books(session, {order[0]: made.id})
            if first_try:
                first_try = False
                met.wait(10)  # each holds the lock that the other needs next
            lock_books(session, {order[1]: made.id})
            return "done"

        return unit(work, db)

    assert answers(together(cross, [(one, two), (two, one)])) == ["done", "done"]
    assert len(tries) == 3


@pytest.mark.both
def test_a_lock_that_is_not_to_be_had_is_busy_after_three_tries(
    db: Engine, impatient: Engine, restaurant: Open
) -> None:
    made = restaurant()
    book = {books_of(made)[0]: made.id}
    unit(lambda session: lock_books(session, book))
    tries = []

    def work(session: Session) -> None:
        tries.append(1)
        lock_books(session, book)

    with transaction(db) as holder:
        lock_books(holder, book)
        with pytest.raises(Busy):
            unit(work, impatient)
    # SQLite refuses the BEGIN itself, so the work does not start
    assert len(tries) in (0, ATTEMPTS)
    unit(work, impatient)


@pytest.mark.mariadb
def test_other_books_are_not_waited_for(db: Engine, impatient: Engine, restaurant: Open) -> None:
    made = restaurant()
    one, two = books_of(made)
    with transaction(db) as holder:
        lock_books(holder, {one: made.id})
        unit(lambda session: lock_books(session, {two: made.id}), impatient)


def _hold(number: int) -> dict[str, int]:
    return {
        "dining_table_id": 1,
        "quarter_hour": 1_000,
        "reservation_id": number,
        "restaurant_id": 1,
    }


@pytest.mark.both
def test_a_table_taken_meanwhile_is_tried_again(db: Engine) -> None:
    unit(lambda session: session.execute(insert(TableOccupancy), [_hold(1)]))
    tries: list[int] = []

    def work(session: Session) -> int:
        tries.append(1)
        if len(tries) == 1:
            session.execute(insert(TableOccupancy), [_hold(2)])
        return len(tries)

    assert unit(work) == 2
    with pytest.raises(Busy):
        unit(lambda session: session.execute(insert(TableOccupancy), [_hold(2)]))


@pytest.mark.both
def test_a_reference_that_is_given_already_is_drawn_again(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter(["AAAAAAAA", "AAAAAAAA", "BBBBBBBB"])
    monkeypatch.setattr("models.operations.reservations.booking.new_reference", lambda: next(drawn))
    stand = a_stand(db)
    numbers = [stand.request(), stand.request()]
    assert [stand.row(number).reference for number in numbers] == ["AAAAAAAA", "BBBBBBBB"]


@pytest.mark.both
def test_any_other_clash_is_an_error_at_once(db: Engine, restaurant: Open) -> None:
    restaurant(slug="demo")
    tries = []

    def work(session: Session) -> None:
        tries.append(1)
        session.execute(insert(Restaurant), [{"slug": "demo", "name": "x", "zone": "UTC"}])

    with pytest.raises(IntegrityError):
        unit(work)
    assert len(tries) == 1


@pytest.mark.mariadb
def test_a_lost_connection_is_replaced(db: Engine, mariadb: MariaDB, restaurant: Open) -> None:
    made = restaurant()
    lost: list[object] = []

    def work(session: Session) -> str:
        number = session.scalar(text("SELECT CONNECTION_ID()"))
        if not lost:
            lost.append(number)
            with db.connect() as other:
                other.exec_driver_sql(f"KILL {number}")
        return session.get_one(Restaurant, made.id).slug

    assert unit(work) == "demo"


@pytest.mark.mariadb
def test_a_database_that_is_gone_lets_the_drivers_error_through(
    db: Engine, mariadb: MariaDB, restaurant: Open
) -> None:
    restaurant()
    mariadb.kill()
    try:
        with pytest.raises(OperationalError):
            unit(lambda session: session.get(Restaurant, 1))
    finally:
        mariadb.start()
        db.dispose()


@pytest.mark.mariadb
def test_a_look_before_the_lock_does_not_fix_what_is_read_after_it(
    db: Engine, restaurant: Open
) -> None:
    """READ COMMITTED: under REPEATABLE READ the second query would return the first's snapshot."""
    made = restaurant()
    with transaction(db) as session:
        before = session.scalar(text("SELECT name FROM restaurants"))
        unit(lambda other: other.execute(update(Restaurant).values(name="New")), db)
        lock_books(session, {books_of(made)[0]: made.id})
        assert (before, session.scalar(text("SELECT name FROM restaurants"))) == ("Demo", "New")


# --- what runs around the commit


@pytest.mark.both
def test_hooks_run_around_the_commit_in_order(db: Engine, restaurant: Open) -> None:
    restaurant()
    seen: list[tuple[str, str | None]] = []

    def look(name: str) -> Callable[[], None]:
        def hook() -> None:
            with reading() as other:
                seen.append((name, other.scalar(text("SELECT name FROM restaurants"))))

        return hook

    with transaction() as session:
        after_commit(session, look("after"))
        before_commit(session, look("before"))
        after_commit(session, look("after that"))
        session.execute(update(Restaurant).values(name="New"))
        assert seen == []
    assert seen == [("before", "Demo"), ("after", "New"), ("after that", "New")]


@pytest.mark.both
def test_nothing_runs_when_it_is_rolled_back(db: Engine, restaurant: Open) -> None:
    restaurant()
    seen: list[str] = []
    with pytest.raises(ZeroDivisionError), transaction() as session:
        before_commit(session, lambda: seen.append("before"))
        after_commit(session, lambda: seen.append("after"))
        session.execute(update(Restaurant).values(name="New"))
        _ = 1 // 0
    with reading() as session:
        assert session.scalar(text("SELECT name FROM restaurants")) == "Demo"
    assert seen == []


@pytest.mark.both
def test_of_an_attempt_that_failed_no_hook_runs(db: Engine) -> None:
    seen: list[int] = []
    tried: list[int] = []
    unit(lambda session: session.execute(insert(TableOccupancy), [_hold(1)]))

    def work(session: Session) -> None:
        tried.append(len(tried))
        after_commit(session, partial(seen.append, tried[-1]))
        if len(tried) == 1:
            session.execute(insert(TableOccupancy), [_hold(2)])

    unit(work)
    assert (tried, seen) == ([0, 1], [1])


@pytest.mark.both
def test_a_failing_hook_is_logged_and_the_others_run(
    db: Engine, restaurant: Open, caplog: pytest.LogCaptureFixture
) -> None:
    restaurant()
    seen: list[str] = []
    with caplog.at_level(logging.WARNING), transaction() as session:
        session.execute(update(Restaurant).values(name="New"))
        after_commit(session, _fail)
        after_commit(session, lambda: seen.append("next"))
    assert seen == ["next"]
    assert [record.getMessage() for record in caplog.records] == ["after-commit hook failed"]
    with reading() as session:
        assert session.scalar(text("SELECT name FROM restaurants")) == "New"


def _fail() -> None:
    raise OSError("the nudge was not sent")


# --- reading


@pytest.mark.both
def test_reading_keeps_nothing(db: Engine, restaurant: Open) -> None:
    restaurant()
    with reading() as session:
        session.execute(update(Restaurant).values(name="New"))
    with reading() as session:
        assert session.scalar(text("SELECT name FROM restaurants")) == "Demo"


@pytest.mark.both
def test_reading_does_not_wait_for_a_writer(
    db: Engine, impatient: Engine, restaurant: Open
) -> None:
    made = restaurant()
    with transaction(db) as writer:
        writer.execute(update(Restaurant).values(name="New"))
        with reading(impatient) as session:
            assert session.get_one(Restaurant, made.id).name == "Demo"


@pytest.mark.mariadb
def test_a_look_at_one_state_is_taken_again_when_a_migration_came_between(db: Engine) -> None:
    seen: list[int] = []

    def look(session: Session) -> int:
        session.scalar(text("SELECT COUNT(*) FROM restaurants"))
        if not seen:  # only in the first query
            seen.append(1)
            with db.begin() as migration:
                migration.exec_driver_sql("ALTER TABLE shift_days ADD COLUMN mood INTEGER")
        return int(session.scalar(text("SELECT COUNT(*) FROM shift_days")) or 0)

    try:
        assert one_state(look, db) == 0
    finally:
        with db.begin() as migration:
            migration.exec_driver_sql("ALTER TABLE shift_days DROP COLUMN mood")


@pytest.mark.both
def test_a_writer_does_not_wait_for_readers(
    db: Engine, impatient: Engine, restaurant: Open
) -> None:
    made = restaurant()
    with reading(db) as session:
        session.get_one(Restaurant, made.id)
        unit(lambda writer: writer.execute(update(Restaurant).values(name="New")), impatient)


@pytest.mark.both
def test_foreign_keys_hold(db: Engine) -> None:
    day = {"id": 1, "restaurant_id": 77, "shift_id": 77, "service_date": DAYS[0], "revision": 0}
    with pytest.raises(IntegrityError):
        unit(lambda session: session.execute(insert(ShiftDay), [day]))


@pytest.mark.both
def test_times_keep_their_microseconds_and_their_zone(db: Engine, restaurant: Open) -> None:
    stand = a_stand(db, slug="times")
    number = stand.request()
    moment = datetime(2026, 3, 6, 18, 0, 0, 123456, tzinfo=UTC)
    stand.plant(update(Reservation).values(decided_at=moment))
    assert stand.row(number).decided_at == moment
    with pytest.raises(StatementError, match="without its offset"):
        stand.plant(update(Reservation).values(decided_at=moment.replace(tzinfo=None)))


@pytest.mark.both
def test_the_dialect_is_known(db: Engine, backend: str) -> None:
    with reading() as session:
        name = dialect_of(session)
    assert name == ("sqlite" if backend == "sqlite" else "mysql")


def test_a_sqlite_database_in_memory_needs_no_folder() -> None:
    bind = make_engine("sqlite://")
    with bind.connect() as connection:
        row: Row[Any] = connection.exec_driver_sql("SELECT 1").one()
    assert row == (1,)
    bind.dispose()
