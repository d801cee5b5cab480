"""A whole Friday through the API: after every act the book is what the answers said.

The integrity check finds nothing after any act. Redis is away for forty minutes of the dinner. The
clock is the tests' own, so nothing waits.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import Engine, event, update

from models.core import clock
from models.core.database.transactions import reading, transaction
from models.core.settings import settings
from models.entities import Restaurant
from models.integrity.check import findings
from models.rules.permissions import Role
from models.rules.reservations.lifecycle import ENDED
from tests.api.conftest import Client, sign_in
from tests.api.evening.acts import EveningActs
from tests.api.evening.door import Door
from tests.api.evening.floor import APPROVALS, COMBINATIONS, POLICIES, SHIFTS, TABLES
from tests.api.evening.night import Night, SignedIn, at
from tests.api.evening.oracle import Oracle
from tests.api.evening.script import Script
from tests.api.evening.stops import Stops
from tests.api.evening.tables import TableActs
from tests.services.running.restaurant import OpenRestaurant
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.redis import RedisServer

#: The workers' turn comes so often.
MINUTES = 10
MINUTE = timedelta(minutes=1)
GRACE_SECONDS = 3 * 60 * MINUTES


@pytest.fixture
def night(
    client: Client,
    restaurant: Callable[..., OpenRestaurant],
    make_account: Callable[..., int],
    redis: RedisServer,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Night]:
    """The restaurant on the day before, its host signed in."""
    monkeypatch.setenv("LIMIT_EXEMPT", "127.0.0.0/8")
    settings.cache_clear()
    opened = restaurant(tables=TABLES, combinations=COMBINATIONS, shifts=SHIFTS, policies=POLICIES)
    with transaction() as session:
        rules = {"approvals": APPROVALS}
        session.execute(update(Restaurant).values(day_rules=rules))
    for role in (Role.HOST, Role.MANAGER):
        make_account(f"{role}@example.com", {opened.id: role.value})
    host, manager = (
        SignedIn(sign_in(client, f"{role}@example.com")) for role in (Role.HOST, Role.MANAGER)
    )
    made = Night(client, opened, host, manager)
    monkeypatch.setattr(clock, "now", lambda: made.now.astimezone(UTC))
    event.listen(Engine, "after_cursor_execute", made.writes.saw)
    yield made
    event.remove(Engine, "after_cursor_execute", made.writes.saw)


@dataclass(slots=True)
class Checked:
    """The book, the list at the door and the database are right, after every act.

    What was checked is not checked again while nothing is written: the book and the list at the
    same moment, the database for MINUTES (findings that come with time have a grace of more).
    """

    night: Night
    oracle: Oracle
    seen: tuple[int, datetime] | None = None
    found: tuple[int, datetime] | None = None
    checks: int = 0
    reads: int = 0

    def __call__(self) -> None:
        night, at = self.night, (self.night.writes.count, self.night.now)
        self.checks += 1
        if at == self.seen:
            return
        book = night.book_of_the_day()
        self.oracle.compare(book, now=night.now)
        self.oracle.compare_line(night.line(), book, now=night.now)
        same = self.found is not None and self.found[0] == at[0]
        if not (same and self.found and night.now - self.found[1] < MINUTES * MINUTE):
            self.reads += 1
            with reading() as session:
                assert findings(session, now=night.now, grace_seconds=GRACE_SECONDS) == []
            self.found = at
        self.seen = (night.writes.count, night.now)


def played(night: Night, *, seed: int, reservations: int, walk_ins: int, at_the_door: int,
           overstayers: int, hours: Sequence[int],
           meanwhile: Callable[[Script], None]) -> Oracle:  # fmt: skip
    """Play the day and return what was heard; print its protocol."""
    oracle = Oracle()
    checked = Checked(night, oracle)
    script = Script(night, oracle, Random(seed), checked, overstayers)
    script.reserve(reservations)
    script.walk_ins(walk_ins)
    Door(script).plan(at_the_door)
    Stops(script).plan()
    EveningActs(script).plan()
    for hour in hours:
        TableActs(script).plan(hour)
    script.block(at(17, 41), ["H5"], until=at(19, 58))
    script.block(at(19, 6), ["H13"], until=at(22))
    script.block(at(20, 17), ["T6"], until=at(21, 33))
    for minutes in range(0, 19 * 60, MINUTES):
        script.plan(at(6, minutes), night.work)
    meanwhile(script)
    try:
        script.play()
    finally:
        print(f"checks: {checked.checks}, of the whole database: {checked.reads}")
        print(f"until {night.now:%H:%M}: {dict(night.acts)}\nrefused: {dict(night.refused)}")
        print(f"re-seated: {oracle.reseated}, warned: {len(oracle.warned)}, made way: "
              f"{oracle.made_way}, called by the clock: "
              f"{oracle.line.called_by_clock}; {night.line()['accuracy']}")  # fmt: skip
    return oracle


@pytest.mark.slow
@pytest.mark.mariadb
@pytest.mark.timeout(1800)
def test_a_friday_of_120_reservations_and_40_walk_ins(
    night: Night, redis: RedisServer, mailbox: Mailbox
) -> None:
    def redis_is_away(script: Script) -> None:
        script.plan(at(19, 3), redis.kill)
        script.plan(at(19, 43), redis.start)

    oracle = played(
        night, seed=28, reservations=120, walk_ins=40, at_the_door=25, overstayers=6,
        hours=(11, 12, 17, 18, 19, 20),
        meanwhile=redis_is_away,
    )  # fmt: skip
    assert {each.status for each in oracle.parties.values()} <= ENDED
    assert night.acts["overstays"] == 6
    assert night.acts["door"] + night.acts["door by link"] == 25
    assert night.acts["block"] == night.acts["lift"] == 3
    for act in (
        "assign",
        "swap",
        "lock",
        "unlock",
        "extend",
        "late",
        "take-back",
        "stop",
        "reopen",
        "approve",
        "decline",
        "squeeze",
        "seat over",
        "sections",
        "cancel",
        "close",
        "moved by closing",
        "told of closing",
    ):
        assert night.acts[act], (act, night.refused)
    assert mailbox.mails()


@pytest.mark.both
def test_a_short_friday(night: Night) -> None:
    oracle = played(
        night, seed=7, reservations=20, walk_ins=5, at_the_door=6, overstayers=2, hours=(18,),
        meanwhile=lambda script: None,
    )  # fmt: skip
    assert {each.status for each in oracle.parties.values()} <= ENDED
