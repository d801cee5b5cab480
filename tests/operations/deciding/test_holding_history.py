"""The history of occupancy is the same by every reader, after every step.

The occupancy, both readers that derive it, and this test's own record agree on the holder of each
table and quarter.
"""

import itertools
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import reading
from models.entities import Assignment, DiningTable, Reservation, TableOccupancy
from models.integrity.check import findings
from models.integrity.checks.tables import read_uses
from models.integrity.restaurant_files import read_files
from models.queries.deciding.standing import upcoming
from models.rules.reservations.lifecycle import HOLDING, Status
from models.rules.restaurant.restaurant import QUARTER_SECONDS
from models.rules.restaurant.sittings import quarter_of
from tests.operations.deciding.test_every_end import NEAR, chosen, open_evening, steps
from tests.operations.deciding.verbs import step
from tests.queries.evening import send_due
from tests.services.running.stand import START, Stand

BUFFER = 1
#: The clock has not run since a request's deadline; the script decides when it does.
_LAPSED = "was not approved in time"
WAITING = (Status.REQUESTED, Status.WAITLISTED)
_slugs = itertools.count(1)


@dataclass(frozen=True)
class Seen:
    """A party after a step, and the quarter from which it has its tables."""

    status: Status
    starts_at: datetime
    ends_at: datetime
    finished_at: datetime | None
    party_size: int
    tables: tuple[int, ...]
    by_hand: bool
    begin: int | None = None

    @property
    def holds(self) -> bool:
        return self.status in HOLDING

    @property
    def last(self) -> int:
        """The last quarter of its turn, or the one before it left."""
        last = quarter_of(self.ends_at - timedelta(microseconds=1))
        left = self.finished_at if self.status is Status.FINISHED else None
        return min(last, quarter_of(left) - 1) if left else last

    def uses(self) -> range:
        """The quarters for which it has, or had, its tables; without the buffer."""
        if self.begin is None or not (self.holds or self.status is Status.FINISHED):
            return range(0)
        return range(self.begin, self.last + 1)


def begin_of(before: Seen | None, after: Seen, now: datetime) -> int | None:
    """The quarter from which the party has its tables, by the effect of the step."""
    start, here = quarter_of(after.starts_at), quarter_of(now)
    if after.status is Status.FINISHED:
        return before.begin if before and before.status is not Status.NO_SHOW else None
    if not after.holds:
        return None
    sat = before is not None and before.status is Status.SEATED
    if after.status is Status.SEATED and not (sat and before and before.tables == after.tables):
        return here
    asked = (after.starts_at, after.party_size)
    if before is None or before.status in WAITING:
        return start
    if (before.starts_at, before.party_size) != asked:
        return start
    # the host assigned it tables, be they the same: the history counts from then on
    assigned = after.by_hand and not before.by_hand
    stays = before.holds and before.tables == after.tables and not assigned
    return before.begin if stays else max(here, start)


def look(stand: Stand, known: dict[int, Seen], now: datetime) -> dict[int, Seen]:
    """The current state of every party."""
    found: dict[int, Seen] = {}
    with Session(stand.bind) as session:
        tables: dict[int, list[int]] = defaultdict(list)
        for number, table in session.execute(
            select(Assignment.reservation_id, Assignment.dining_table_id)
        ):
            tables[number].append(table)
        mine = select(Reservation).where(Reservation.restaurant_id == stand.restaurant.id)
        for row in session.scalars(mine):
            facts = (row.starts_at, row.ends_at, row.finished_at, row.party_size)
            given = (tuple(sorted(tables[row.id])), bool(row.tables_chosen))
            seen = Seen(Status(row.status), *facts, *given)
            found[row.id] = replace(seen, begin=begin_of(known.get(row.id), seen, now))
    return found


def assert_nobody_shares(parties: dict[int, Seen]) -> None:
    taken: dict[tuple[int, int], int] = {}
    for number, party in parties.items():
        for place in itertools.product(party.tables, party.uses()):
            assert taken.setdefault(place, number) == number, f"table and quarter {place} twice"


def assert_occupied(session: Session, stand: Stand, parties: dict[int, Seen], now: int) -> None:
    row = TableOccupancy
    query = select(row.reservation_id, row.dining_table_id, row.quarter_hour).where(
        row.restaurant_id == stand.restaurant.id, row.quarter_hour >= now
    )
    held = set(map(tuple, session.execute(query)))
    wanted = {
        (number, table, quarter)
        for number, party in parties.items()
        if party.holds and party.begin is not None
        for table in party.tables
        for quarter in range(max(now, party.begin), party.last + BUFFER + 1)
    }
    assert held == wanted


def assert_readers_agree(
    session: Session, stand: Stand, parties: dict[int, Seen], now: datetime
) -> None:
    own = select(DiningTable.id).where(DiningTable.restaurant_id == stand.restaurant.id)
    read = read_uses(session, read_files(session), session.scalars(own).all())
    uses = {
        (use.reservation_id, use.table_id): range(use.begin, use.least + 1)
        for found in read.values()
        for use in found
    }
    wanted = {
        (number, table): party.uses()
        for number, party in parties.items()
        for table in party.tables
        if party.holds or party.status is Status.FINISHED
    }
    assert uses == wanted
    coming = {
        each.id: each.party.table_ids for each in upcoming(session, stand.restaurant.id, now=now)
    }
    later = now - timedelta(seconds=now.timestamp() % QUARTER_SECONDS)
    for number, party in parties.items():
        if party.holds:
            assert (number in coming) is (party.last >= quarter_of(later)), party
            assert coming.get(number, party.tables) == party.tables


def assert_in_order(stand: Stand, parties: dict[int, Seen], now: datetime) -> None:
    assert_nobody_shares(parties)
    with reading(stand.bind) as session:
        assert_occupied(session, stand, parties, quarter_of(now))
        assert_readers_agree(session, stand, parties, now)
    with reading(stand.bind) as session:
        found = findings(session, now=now, grace_seconds=7200)
    # restaurants of earlier scripts are at another hour; a script decides when its scheduler ends
    # an evening
    own = [each for each in found if not parties.keys().isdisjoint(each.ids)]
    late = [each for each in own if each.rule == "overdue" or _LAPSED in each.text]
    assert [each for each in own if each not in late] == []


ALONE = {"auto_no_show": False, "auto_finish": False}


@pytest.mark.slow
@pytest.mark.both
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=steps, policies=chosen)
@example(  # a no-show who arrived after the turn, when another party had the table
    script=[("no-show", 0, 20), ("book", 1, 25), ("seat at 1", 2, 30), ("arrive", 0, 110)],
    policies=ALONE,
)
@example(  # recorded as gone but still there; another party sat there meanwhile
    script=[("finish", 0, 5), ("book", 1, 14), ("seat at 1", 2, 16), ("finish", 2, 40),
            ("take back", 0, 62)],
    policies=ALONE,
)  # fmt: skip
@example(
    script=[("seat", 0, 0), ("finish", 0, 20), ("book", 2, 30), ("seat at 1", 2, 31),
            ("take back", 0, 50), ("seat at 1", 1, 70), ("take back", 1, 71)],
    policies={"auto_no_show": True, "auto_finish": True},
)  # fmt: skip
@example(  # its tables are confirmed by hand when its turn is over
    script=[("assign", 0, 125), ("seat", 0, 126)],
    policies=ALONE,
)
@example(  # requests: one declined and taken back, one that nobody answers
    script=[("decline", 0, -60), ("book", 1, -50), ("take back", 0, -45), ("the clock", 0, -5)],
    policies=ALONE | {"approve_from": 1},
)
def test_after_every_step_holding_is_what_happened(
    db: Engine,
    monkeypatch: pytest.MonkeyPatch,
    script: list[tuple[str, int, int]],
    policies: dict[str, int],
) -> None:
    more = {"reminder_minutes": [], "buffer_minutes": 15 * BUFFER} | NEAR
    evening = open_evening(db, f"history-{next(_slugs)}", more | policies)
    stand = evening.stand
    seen = look(stand, {}, START)
    for what, which, minute in sorted(script, key=lambda each: each[2]):
        now = START + timedelta(minutes=minute)
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        step(evening, what, which, now)
        seen = look(stand, seen, now)
        send_due(stand, until=now)
        assert_in_order(stand, seen, now)
