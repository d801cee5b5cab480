"""Random evenings of acts on tables: after each act the floor is in order.

The oracle is computed from the rows alone: who has which tables for which quarters, who was moved,
and by whom. `maitred check` reads each evening at its end.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.core.errors import Invalid, NotSeated, StateConflict
from models.entities import Assignment, Reservation, TableOccupancy
from models.operations.deciding.waitlist import expire_waitlists
from models.operations.stand.arrivals import arrive, finish, mark_no_show, seat
from models.operations.tables.forcing import Force
from models.operations.tables.locking import set_lock
from models.operations.tables.placing import TableOutcome
from models.rules.reservations.lifecycle import HOLDING, Status
from models.rules.restaurant.restaurant import QUARTER_SECONDS
from models.rules.restaurant.sittings import quarter_of
from tests.operations.evenings import a_stand
from tests.operations.stand.test_sitting import sits_at
from tests.operations.tables.acts import FLOOR, NEAR, assign, extend, in_order, minutes, swap
from tests.services.running.stand import Stand

STEPS = 60
_HERE = (Status.ARRIVED, Status.SEATED)
_FORCED = Force(squeeze=True, overlap=True, text="a random host")


@dataclass(frozen=True, slots=True)
class Placed:
    """A party's tables, its state, its lock and its end."""

    status: str
    tables: frozenset[int]
    locked: bool
    ends_at: datetime
    revision: int


@dataclass(slots=True)
class Evening:
    """One evening and its dice."""

    stand: Stand
    dice: random.Random
    now: datetime = field(default_factory=lambda: minutes(-45))
    numbers: list[int] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)
    #: parties that made way for another
    made_way: int = 0

    def placed(self) -> dict[int, Placed]:
        """All parties as the database has them."""
        given = Assignment.reservation_id, Assignment.dining_table_id
        with Session(self.stand.bind) as session:
            tables: dict[int, set[int]] = {}
            for number, table in session.execute(select(*given)):
                tables.setdefault(number, set()).add(table)
            return {
                row.id: Placed(
                    row.status,
                    frozenset(tables.get(row.id, ())),
                    row.tables_locked,
                    row.ends_at,
                    row.revision,
                )
                for row in session.scalars(select(Reservation))
            }

    def step(self) -> None:
        """One act of a host, or of the clock."""
        self.now += timedelta(minutes=self.dice.choice([0, 0, 1, 3, 8]))
        name, act, own = self.choose()
        before = self.placed()
        try:
            outcome = act()
        except (StateConflict, NotSeated, Invalid):
            assert self.placed() == before, f"{name} was refused, and changed something"
        else:
            self.done[name] = self.done.get(name, 0) + 1
            affected = outcome.affected if isinstance(outcome, TableOutcome) else ()
            self.made_way += len(affected)
            self.check_others(before, own, {each.reservation_id for each in affected}, name)
        self.check_floor()

    def choose(self) -> tuple[str, Callable[[], Any], set[int]]:
        """The name of an act, the act, and the parties that it is about."""
        stand, dice, now = self.stand, self.dice, self.now
        if len(self.numbers) < 6 or dice.random() < 0.15:
            return "ask", self.ask, set()
        one, two = dice.sample(self.numbers, 2)
        labels = dice.sample(sorted(FLOOR), dice.choice([1, 1, 1, 2]))
        force = dice.choice([Force(), Force(), _FORCED])
        ahead = dice.choice([-30, 15, 30, 60])
        acts: dict[str, Callable[[], Any]] = {
            "assign": lambda: assign(stand, one, *labels, now=now, force=force),
            "assign and lock": lambda: assign(stand, one, *labels, now=now, lock=True),
            "swap": lambda: swap(stand, one, two, now=now, force=force),
            "extend": lambda: extend(stand, one, now=now, minutes=ahead),
            "open end": lambda: extend(stand, one, now=now),
            "lock": lambda: stand.move(set_lock, one, now=now, locked=True),
            "unlock": lambda: stand.move(set_lock, one, now=now, locked=False),
            "arrive": lambda: stand.move(arrive, one, now=now),
            "seat": lambda: stand.move(seat, one, now=now),
            "finish": lambda: stand.move(finish, one, now=now),
            "no-show": lambda: stand.move(mark_no_show, one, now=now),
        }
        name = dice.choice(sorted(acts) + ["assign", "swap", "extend", "seat"] * 2)
        return name, acts[name], {one, two} if name == "swap" else {one}

    def ask(self) -> None:
        size, at = self.dice.choice([2, 2, 2, 4, 5]), self.dice.choice(range(0, 151, 15))
        made = self.stand.ask if self.dice.random() < 0.7 else self.stand.book
        start = minutes(max(at, (self.now - minutes(0)) // timedelta(minutes=15) * 15 + 15))
        self.numbers.append(made(size, start=start, now=self.now))

    # --- the oracle

    def check_others(
        self, before: dict[int, Placed], own: set[int], affected: set[int], name: str
    ) -> None:
        """Nobody here or locked is moved by an act on another; the answer names all others."""
        for number, was in before.items():
            now = self.placed()[number]
            if number in own or was == now or was.status not in HOLDING:
                continue
            assert name == "ask" or number in affected, f"{name} moved {number} and did not say so"
            if was.tables != now.tables:
                assert was.status not in _HERE, f"{name} moved {number}, which is here"
                assert not was.locked, f"{name} moved {number}, which is locked"

    def check_floor(self) -> None:
        """Each party has its tables to the end of its turn, and nobody has anything else."""
        held: dict[int, dict[int, set[int]]] = {}
        with Session(self.stand.bind) as session:
            rows = {row.id: row for row in session.scalars(select(Reservation))}
            for row in session.scalars(select(TableOccupancy)):
                own = held.setdefault(row.reservation_id, {})
                own.setdefault(row.dining_table_id, set()).add(row.quarter_hour)
        now, placed = quarter_of(self.now), self.placed()
        for number, was in placed.items():
            ahead = {
                table: {quarter for quarter in quarters if quarter > now}
                for table, quarters in held.get(number, {}).items()
            }
            ahead = {table: quarters for table, quarters in ahead.items() if quarters}
            if was.status not in HOLDING:
                assert not ahead, f"{number} is {was.status} and holds {ahead}"
                continue
            assert was.tables, f"{number} has no table"
            last = int(was.ends_at.timestamp() - 1) // QUARTER_SECONDS
            first = max(quarter_of(rows[number].starts_at), now + 1)
            if was.status == Status.SEATED:
                first = now + 1
            wanted = set(range(first, last + 1))
            for table in was.tables if wanted else ():
                lacks = wanted - ahead.get(table, set())
                assert not lacks, f"{number} ({was.status}) lacks table {table} at {lacks}"
            assert ahead.keys() <= was.tables
        labels = self.stand.restaurant.tables
        sitting = {labels[label]: number for label, number in sits_at(self.stand).items()}
        expected = {
            table: number
            for number, was in placed.items()
            if was.status == Status.SEATED
            for table in was.tables
        }
        assert sitting == expected


@pytest.mark.parametrize("seed", range(8))
def test_the_floor_is_in_order_after_each_act(db: Engine, seed: int) -> None:
    stand = a_stand(db, tables=FLOOR, policies=NEAR | {"waitlist": True})
    evening = Evening(stand, random.Random(seed))
    for _ in range(STEPS):
        evening.step()
    stand.do(lambda session: expire_waitlists(session, now=evening.now, limit=100))
    assert in_order(stand, now=evening.now)
    assert len(evening.done) >= 6
    assert evening.made_way
