"""Random evenings without tables: after each act the number holds, and the check agrees.

The oracle adds up the rows alone: who is here or expected, from when until when.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.core.errors import Invalid, NotSeated, StateConflict
from models.entities import Reservation
from models.operations.door.calling import call_to_table
from models.operations.reservations.changes import cancel_reservation
from models.operations.reservations.staff_changes import change_by_staff
from models.operations.stand.arrivals import arrive, finish, mark_no_show, seat
from models.operations.stand.undo import take_back
from models.operations.tables.lengthening import Length, change_turn
from models.rules.reservations.lifecycle import HOLDING, Status
from models.rules.reservations.requests import TableChange
from models.rules.restaurant.sittings import quarter_of
from tasks.jobs.stand import STAND_JOBS
from tests.operations.covers.counted import a_counted, minutes, wrong
from tests.operations.door.evening import wait
from tests.operations.stand.test_walk_ins import walk_in
from tests.services.running.restaurant import ShiftTimes
from tests.services.running.stand import Stand

COVERS = 14
STEPS = 70
NEAR = {"lead_minutes": 0, "same_guest_gap_minutes": 0, "door_online": True}
#: local times: START is seven in the evening, in the second of them
SHIFTS = {
    "early": ShiftTimes(first=time(17), last=time(18, 45), ends=time(20)),
    "late": ShiftTimes(first=time(19), last=time(22), ends=time(23, 59)),
}


@dataclass(slots=True)
class Evening:
    """One evening and its dice."""

    stand: Stand
    dice: random.Random
    now: datetime = field(default_factory=lambda: minutes(-90))
    numbers: list[int] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)

    def fullest(self) -> int:
        """The most covers at once, of all quarters."""
        there: Counter[int] = Counter()
        with Session(self.stand.bind) as session:
            for row in session.scalars(select(Reservation)):
                if Status(row.status) not in HOLDING:
                    continue
                sits = row.status == Status.SEATED and row.seated_at is not None
                begins = min(row.starts_at, row.seated_at) if sits else row.starts_at  # type: ignore[type-var]
                moment = quarter_of(begins)  # type: ignore[arg-type]
                while moment <= quarter_of(row.ends_at - timedelta(seconds=1)):
                    there[moment] += row.party_size
                    moment += 1
        return max(there.values(), default=0)

    def step(self) -> None:
        """One act of a guest, a host or the lane."""
        self.now += timedelta(minutes=self.dice.choice([0, 1, 3, 8]))
        name = self.dice.choice(sorted(ACTS))
        try:
            ACTS[name](self)
        except (StateConflict, NotSeated, Invalid):
            name = f"no {name}"
        self.done[name] += 1
        STAND_JOBS["call_next"](self.now)
        self.stand.drain(now=self.now)
        assert self.fullest() <= COVERS, name

    def start(self) -> datetime:
        """A start in the next hours."""
        ahead = timedelta(minutes=15 * self.dice.randint(1, 14))
        return datetime.fromtimestamp(quarter_of(self.now) * 900, self.now.tzinfo) + ahead

    def any(self) -> int:
        """One of the parties."""
        return self.dice.choice(self.numbers)

    def size(self) -> int:
        return self.dice.randint(1, 6)


def _ask(evening: Evening) -> None:
    number = evening.stand.request(evening.size(), start=evening.start(), now=evening.now)
    evening.numbers.append(number)


def _book(evening: Evening) -> None:
    number = evening.stand.book(evening.size(), start=evening.start(), now=evening.now)
    evening.numbers.append(number)


def _walk_in(evening: Evening) -> None:
    at = (evening.now - minutes(0)) / timedelta(minutes=1)
    evening.numbers.append(walk_in(evening.stand, evening.size(), at=at)[0])


def _wait(evening: Evening) -> None:
    evening.numbers.append(wait(evening.stand, evening.size(), now=evening.now))


def _call(evening: Evening) -> None:
    evening.stand.move(call_to_table, evening.any(), now=evening.now)


def _change(evening: Evening) -> None:
    starts_at = evening.dice.choice([None, evening.start()])
    change = TableChange(party_size=evening.size(), starts_at=starts_at)
    evening.stand.move(change_by_staff, evening.any(), now=evening.now, change=change)


def _lengthen(evening: Evening) -> None:
    length = Length(minutes=evening.dice.choice([-15, 15, 45]))
    evening.stand.move(change_turn, evening.any(), now=evening.now, length=length)


def _cancel(evening: Evening) -> None:
    number = evening.any()
    evening.stand.do(
        lambda session: cancel_reservation(
            session, number, now=evening.now, actor="staff:1", by_staff=True
        )
    )


def _moves(operation: Callable[..., None]) -> Callable[[Evening], None]:
    return lambda evening: evening.stand.move(operation, evening.any(), now=evening.now)


ACTS: dict[str, Callable[[Evening], None]] = {
    "ask": _ask,
    "book": _book,
    "walk in": _walk_in,
    "wait": _wait,
    "call": _call,
    "change": _change,
    "lengthen": _lengthen,
    "cancel": _cancel,
    "arrive": _moves(arrive),
    "seat": _moves(seat),
    "finish": _moves(finish),
    "no-show": _moves(mark_no_show),
    "undo": _moves(take_back),
}


@pytest.mark.parametrize("seed", range(4))
def test_the_number_holds_whatever_happens(db: Engine, seed: int) -> None:
    stand = a_counted(db, COVERS, shifts=SHIFTS, policies=NEAR)
    evening = Evening(stand, random.Random(seed))
    _ask(evening)
    for _ in range(STEPS):
        evening.step()
    assert wrong(stand, now=evening.now) == []
    assert evening.fullest() > 0 and sum(not name.startswith("no ") for name in evening.done) > 8
