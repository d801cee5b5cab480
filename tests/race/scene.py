"""A scene for races: one restaurant, many callers, and safeguards that can be removed.

The two safeguards are the book's lock and the primary keys of the occupancy and of the seated
tables. On MariaDB, removing the lock means reading the book's row without FOR UPDATE. SQLite has no
row locks: its lock is BEGIN IMMEDIATE. Plain BEGIN removes it; but SQLite is serialisable by itself
and refuses a writer that read an older state, so its control runs without any transaction.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import Engine, create_engine, event, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.core.database.transactions import reading, table_of, unit
from models.core.errors import Busy
from models.entities import Reservation, SeatedTable, ShiftDay, TableOccupancy
from models.integrity.check import Finding, findings
from models.operations.deciding import books
from models.operations.deciding.allocation import decide_waiting
from models.operations.reservations.booking import book_for_guest, request_reservation
from models.operations.reservations.changes import cancel_reservation, request_change
from models.operations.stand.arrivals import seat
from models.queries.floor.load import restaurant_by_id
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.requests import GuestDetails, TableChange, TableRequest
from models.rules.restaurant.restaurant import book_id
from tests.services.running.restaurant import OpenRestaurant, ShiftTimes, open_restaurant

T = TypeVar("T")

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
#: a Friday, seven in the evening in Berlin
START = datetime(2026, 3, 6, 18, 0, tzinfo=UTC)
UNPACED = {"pacing": {"covers": 500}, "max_party_online": 20, "same_guest_gap_minutes": 0}
LANES = 4


@dataclass(frozen=True, slots=True)
class Safeguards:
    """The safeguards that are active."""

    lock: bool = True
    key: bool = True


BOTH_OFF = Safeguards(lock=False, key=False)
#: with the names of the tests
ONE_OFF = [
    pytest.param(Safeguards(lock=False), id="without-lock"),
    pytest.param(Safeguards(key=False), id="without-key"),
]
#: seconds between reading and writing, to provoke a race; callers come 30 ms apart
PAUSE = 0.1
APART = 0.03


@dataclass(frozen=True, slots=True)
class Scene:
    """A restaurant, and the engine that every caller uses."""

    bind: Engine
    restaurant: OpenRestaurant
    #: errors after which a caller retries
    again: tuple[type[Exception], ...] = (Busy,)

    @property
    def lane(self) -> int:
        """The restaurant's lane."""
        return self.restaurant.id % LANES

    def unit(self, work: Callable[[Session], T]) -> T:
        """Run one caller's transaction, retried on `again` for 30 seconds, as a client would."""
        ends = time.monotonic() + 30
        while True:
            try:
                return unit(work, self.bind)
            except self.again:
                if time.monotonic() > ends:
                    raise
                time.sleep(0.01)

    def request(
        self, number: int, party_size: int = 2, *, start: datetime = START, waitlist: bool = False
    ) -> int:
        """Party `number` requests a table online; return its id."""
        wish = wish_of(number, party_size, start=start, waitlist=waitlist)

        def work(session: Session) -> int:
            restaurant = restaurant_by_id(session, self.restaurant.id)
            accepted = request_reservation(
                session.connection(),
                restaurant,
                request=wish,
                key=f"key-{number}",
                body=b"x",
                now=NOW,
            )
            return accepted.reservation_id

        return self.unit(work)

    def book(self, number: int, *, start: datetime = START) -> int:
        """The staff book for party `number`, decided immediately. Raises NotSeated."""
        wish = wish_of(number, start=start)

        def work(session: Session) -> int:
            restaurant = restaurant_by_id(session, self.restaurant.id)
            accepted = book_for_guest(
                session,
                restaurant,
                request=wish,
                key=f"staff-{number}",
                body=b"x",
                now=NOW,
                actor=f"staff:{number}",
            )
            return accepted.reservation_id

        return self.unit(work)

    def change(self, reservation_id: int, change: TableChange) -> int:
        """The guest requests a change; return the id of the pending change request."""

        def work(session: Session) -> int | None:
            return request_change(session, reservation_id, change=change, now=NOW, actor="guest")

        made = self.unit(work)
        assert made is not None
        return made

    def cancel(self, reservation_id: int) -> None:
        self.unit(
            lambda session: cancel_reservation(
                session, reservation_id, now=NOW, actor="guest", by_staff=False
            )
        )

    def seat(self, reservation_id: int, *, at: int) -> None:
        """A host seats the party at a table. Raises StateConflict."""
        self.unit(
            lambda session: seat(
                session, reservation_id, now=START, actor="staff:1", table_ids=(at,)
            )
        )

    def drain(self, *, limit: int = 500) -> int:
        """Decide until the lane is empty; return how many were decided here."""
        count = 0
        while decided := self.unit(
            lambda session: decide_waiting(session, self.lane, now=NOW, limit=limit)
        ).count:
            count += decided
        return count

    def statuses(self) -> dict[str, int]:
        """Count the reservations by status."""
        query = (
            select(Reservation.status, func.count())
            .where(Reservation.restaurant_id == self.restaurant.id)
            .group_by(Reservation.status)
        )
        with Session(self.bind) as session:
            return dict(session.execute(query).all())

    def sold(self) -> int:
        """Count the parties confirmed for START, or seated."""
        query = select(func.count()).where(
            Reservation.restaurant_id == self.restaurant.id,
            Reservation.status.in_((Status.CONFIRMED, Status.SEATED)),
            Reservation.starts_at == START,
        )
        with Session(self.bind) as session:
            return session.scalar(query) or 0

    def findings(self) -> list[Finding]:
        """The findings of the check."""
        with reading(self.bind) as session:
            return findings(session, now=NOW, grace_seconds=0)

    def sold_twice(self) -> list[tuple[int, int]]:
        """(table, quarter) pairs in more than one row."""
        row = TableOccupancy
        query = (
            select(row.dining_table_id, row.quarter_hour)
            .group_by(row.dining_table_id, row.quarter_hour)
            .having(func.count() > 1)
        )
        with Session(self.bind) as session:
            return [(table, quarter) for table, quarter in session.execute(query)]


def wish_of(
    number: int, party_size: int = 2, *, start: datetime = START, waitlist: bool = False
) -> TableRequest:
    """The request of party `number`; no two parties share a contact."""
    guest = GuestDetails(name=f"Party {number}", email=f"party{number}@example.com")
    return TableRequest(party_size=party_size, starts_at=start, guest=guest, waitlist=waitlist)


@contextmanager
def stage(
    db: Engine,
    patch: pytest.MonkeyPatch,
    *,
    safeguards: Safeguards = Safeguards(),
    pause: float = 0.0,
    **restaurant: Any,
) -> Iterator[Scene]:
    """Open a restaurant with an open book, on an engine with these safeguards.

    `pause`: seconds between reading the book and writing to it, so that a possible race happens.
    """
    restaurant.setdefault("tables", {"1": ("hall", 1, 4)})
    restaurant.setdefault("policies", UNPACED)
    restaurant.setdefault("shifts", {"dinner": ShiftTimes()})
    made = open_restaurant(db, **restaurant)
    _open_books(db, made)
    bind = db if safeguards.lock else _without_lock(db, patch, safeguards)
    if pause:
        _pause_after_reading(bind, pause)
    if not safeguards.key:
        _drop_keys(db)
    try:
        # without the lock two workers decide one request, and other keys stop the second of them
        again = (Busy,) if safeguards.lock else (Busy, IntegrityError)
        yield Scene(bind, made, again)
    finally:
        if not safeguards.key:
            _restore_keys(db)
        if bind is not db:
            bind.dispose()


def sells_twice(
    db: Engine, patch: pytest.MonkeyPatch, act: Callable[[Scene], object], **restaurant: Any
) -> bool:
    """The control: whether `act` sells a table twice when both safeguards are off.

    A race depends on timing, so it is tried up to five times, each time in a new restaurant.
    """
    for attempt in range(5):
        slug = f"control-{attempt}"
        with (
            patch.context() as own,
            stage(db, own, safeguards=BOTH_OFF, pause=PAUSE, slug=slug, **restaurant) as scene,
        ):
            act(scene)
            if scene.sold_twice() and scene.sold() > 1:
                return True
    return False


def _open_books(db: Engine, made: OpenRestaurant) -> None:
    """Write the rows of the books: inserting one locks it, which would hide the race."""
    with Session(db) as session, session.begin():
        session.add_all(
            ShiftDay(
                id=book_id(shift, date), restaurant_id=made.id, shift_id=shift, service_date=date
            )
            for date in [(START + timedelta(days=day)).date() for day in range(5)]
            for shift in made.shifts.values()
        )


def _pause_after_reading(bind: Engine, seconds: float) -> None:
    def pause(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        columns, _from, rest = statement.partition("FROM table_occupancy")
        # delay after reading the board's occupancy, or the owners of a table's quarters
        if rest and ("restaurant_id" in columns or "reservation_id" in columns):
            time.sleep(seconds)

    event.listen(bind, "after_cursor_execute", pause)


def _without_lock(db: Engine, patch: pytest.MonkeyPatch, safeguards: Safeguards) -> Engine:
    if db.dialect.name != "sqlite":
        hold = books._held
        patch.setattr(
            books, "_held", lambda session, wanted, _exclusive: hold(session, wanted, False)
        )
        return db
    if safeguards.key:
        return db.execution_options(maitred_read_only=True)  # plain BEGIN
    return _without_transactions(db)


def _without_transactions(db: Engine) -> Engine:
    bind = create_engine(db.url, connect_args={"timeout": 5})

    @event.listens_for(bind, "connect")
    def commit_each_statement(connection: Any, _record: object) -> None:
        connection.isolation_level = None

    return bind


#: what prevents two parties at one table: when they hold it, and while they sit
_KEYS = (
    (table_of(TableOccupancy), "dining_table_id, quarter_hour"),
    (table_of(SeatedTable), "dining_table_id"),
)


def _drop_keys(db: Engine) -> None:
    with db.begin() as connection:
        for table, key in _KEYS:
            if db.dialect.name != "sqlite":
                connection.exec_driver_sql(
                    f"ALTER TABLE {table.name} DROP PRIMARY KEY, ADD INDEX not_unique ({key})"
                )
                continue
            columns = ", ".join(column.name for column in table.columns)
            connection.exec_driver_sql(f"DROP TABLE {table.name}")
            connection.exec_driver_sql(f"CREATE TABLE {table.name} ({columns})")


def _restore_keys(db: Engine) -> None:
    if db.dialect.name == "sqlite":
        return  # the file belongs to this test alone
    with db.begin() as connection:
        for table, key in _KEYS:
            connection.exec_driver_sql(f"DELETE FROM {table.name}")
            connection.exec_driver_sql(
                f"ALTER TABLE {table.name} DROP INDEX not_unique, ADD PRIMARY KEY ({key})"
            )
