"""A host stand for tests: guests request, the lane decides, the host moves parties."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.core.database.transactions import transaction, unit
from models.core.settings import settings
from models.entities import Reservation, Restaurant, ShiftDay, TableOccupancy
from models.operations.deciding.allocation import decide_waiting
from models.operations.reservations.booking import book_for_guest, request_reservation
from models.operations.reservations.changes import cancel_reservation, request_change
from models.operations.tables.forcing import Force
from models.queries.floor.load import restaurant_by_id
from models.rules.reservations.requests import GuestDetails, TableChange, TableRequest
from models.rules.restaurant.sittings import quarter_of
from tests.services.running.restaurant import OpenRestaurant

T = TypeVar("T")

#: four days before
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
#: a Friday, seven in the evening in Berlin
START = datetime(2026, 3, 6, 18, 0, tzinfo=UTC)
STAFF = "staff:1"


@dataclass(slots=True)
class Stand:
    """One restaurant and the actions at its stand. Every action is a transaction of its own."""

    bind: Engine
    restaurant: OpenRestaurant
    asked: int = 0

    def do(self, work: Callable[[Session], T]) -> T:
        """Run one transaction."""
        return unit(work, self.bind)

    def request(
        self, party_size: int = 2, *, start: datetime = START, now: datetime = NOW, **more: Any
    ) -> int:
        """Request a table online; return the reservation's id. `drain` decides it."""
        wish = self._wish(party_size, start, more)
        key = f"key-{self.asked}"

        def work(session: Session) -> int:
            restaurant = restaurant_by_id(session, self.restaurant.id)
            return request_reservation(
                session.connection(), restaurant, request=wish, key=key, body=b"x", now=now
            ).reservation_id

        return self.do(work)

    def ask(self, party_size: int = 2, *, now: datetime = NOW, **more: Any) -> int:
        """Request a table and decide it."""
        number = self.request(party_size, now=now, **more)
        self.drain(now=now)
        return number

    def book(
        self,
        party_size: int = 2,
        *,
        start: datetime = START,
        now: datetime = NOW,
        tables: tuple[str, ...] = (),
        force_pacing: bool = False,
        walk_in: bool = False,
        notify: bool = True,
        **more: Any,
    ) -> int:
        """The staff book, at these tables (labels) or any. Raises NotSeated."""
        wish = self._wish(party_size, start, more)
        key = f"staff-{self.asked}"

        def work(session: Session) -> int:
            return book_for_guest(
                session,
                restaurant_by_id(session, self.restaurant.id),
                request=wish,
                key=key,
                body=b"x",
                now=now,
                actor=STAFF,
                table_ids=tuple(self.restaurant.tables[label] for label in tables),
                force=Force(squeeze=True, overbook=force_pacing, text="a test"),
                walk_in=walk_in,
                notify=notify,
            ).reservation_id

        return self.do(work)

    def _wish(self, party_size: int, start: datetime, more: dict[str, Any]) -> TableRequest:
        self.asked += 1
        email = more.pop("email", f"party{self.asked}@example.com")
        guest = GuestDetails(name=f"Party {self.asked}", email=email, phone=more.pop("phone", None))
        more.setdefault("waitlist", True)
        return TableRequest(party_size=party_size, starts_at=start, guest=guest, **more)

    def drain(self, *, now: datetime = NOW) -> int:
        """Decide until the restaurant's lane is empty; return how many were decided."""
        lane, count = self.restaurant.id % settings().lanes, 0
        while decided := self.do(
            lambda session: decide_waiting(session, lane, now=now, limit=500)
        ).count:
            count += decided
        return count

    def move(self, operation: Callable[..., T], number: int, *, now: datetime, **more: Any) -> T:
        """Run one of `operations.arrivals` on a reservation, as the staff."""
        return self.do(lambda session: operation(session, number, now=now, actor=STAFF, **more))

    def wish(self, number: int, *, now: datetime = NOW, **change: Any) -> int:
        """Request a change; return the pending change request's id. `drain` decides it."""
        made = self.wish_or_withdraw(number, now=now, **change)
        assert made is not None
        return made

    def wish_or_withdraw(self, number: int, *, now: datetime = NOW, **change: Any) -> int | None:
        """Request a change; None when the change withdraws the pending one."""
        wish = TableChange(**change)
        return self.do(
            lambda session: request_change(session, number, change=wish, now=now, actor="guest")
        )

    def change(self, number: int, *, now: datetime = NOW, **change: Any) -> None:
        """Request a change and decide it."""
        self.wish(number, now=now, **change)
        self.drain(now=now)

    def cancel(self, number: int, *, now: datetime = NOW) -> None:
        """Cancel as the guest, then decide for the waitlist."""
        self.do(
            lambda session: cancel_reservation(
                session, number, now=now, actor="guest", by_staff=False
            )
        )
        self.drain(now=now)

    # --- results

    def row(self, number: int) -> Reservation:
        with Session(self.bind) as session:
            return session.get_one(Reservation, number)

    def held(self, number: int) -> dict[str, tuple[int, int]]:
        """The party's quarters: table's label -> (first, end), in quarters relative to START.

        `(0, 6)` is from START for six quarters; the quarters must be one run without a gap.
        """
        row = TableOccupancy
        query = select(row.dining_table_id, row.quarter_hour).where(row.reservation_id == number)
        found: dict[int, list[int]] = {}
        with Session(self.bind) as session:
            for table_id, quarter in session.execute(query):
                found.setdefault(table_id, []).append(quarter - quarter_of(START))
        labels = {table_id: label for label, table_id in self.restaurant.tables.items()}
        for quarters in found.values():
            assert sorted(quarters) == list(range(min(quarters), max(quarters) + 1)), "a gap"
        return {labels[key]: (min(found[key]), max(found[key]) + 1) for key in sorted(found)}

    def revision(self) -> int:
        """The sum of the revisions of all books."""
        with Session(self.bind) as session:
            return sum(session.scalars(select(ShiftDay.revision)))

    def plant(self, *statements: Any) -> None:
        """Write past the operations: statements, or new rows."""
        with transaction(self.bind) as session:
            for each in statements:
                if hasattr(each, "__mapper__"):
                    session.add(each)
                    session.flush()
                else:
                    session.execute(each)

    def plant_policies(self, policies: Any) -> Any:
        """Set the restaurant's policies as a new revision; return the previous policies."""
        with Session(self.bind) as session:
            row = session.get_one(Restaurant, self.restaurant.id)
            before, row.policies = row.policies, policies
            row.revision += 1
            session.commit()
        return before
