"""The job that compares wall times: changes are counted and named, and the installation overdue."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from models.core import clock
from models.core.database.transactions import reading
from models.entities import JobRun, Reservation
from models.queries.running.health import read_health
from models.rules.health import WALL_TIMES, ZONE_RULES
from tasks import maintenance
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import NOW, START, Stand
from tests.services.zone_rules import other_rules

SUMMER = START + timedelta(days=40, hours=-1)


@pytest.fixture
def stand(
    db: Engine, restaurant: Callable[..., OpenRestaurant], monkeypatch: pytest.MonkeyPatch
) -> Stand:
    """A restaurant and its stand, with the job's clock at the stand's."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return Stand(db, restaurant())


def looked() -> tuple[object, int, bool]:
    """Run once; return the job's record, then the number reported as overdue."""
    maintenance.wall_times()
    with reading() as session:
        result = session.get_one(JobRun, WALL_TIMES).result
        found = read_health(session, now=NOW)
    (rows,) = [each for each in found.waiting if each.kind == ZONE_RULES]
    return result, rows.count, ZONE_RULES in found.late


@pytest.mark.both
def test_parties_whom_new_zone_rules_moved_make_the_installation_late(
    stand: Stand, tmp_path: Path
) -> None:
    for start in (START, START, SUMMER):
        stand.ask(2, start=start)
    assert looked() == ({"moved": {}, "filled": 0}, 0, False)
    with other_rules(tmp_path, hours=2):
        assert looked() == ({"moved": {"demo": 2}, "filled": 0}, 2, True)
    assert looked() == ({"moved": {}, "filled": 0}, 0, False)


@pytest.mark.both
def test_what_an_older_release_did_not_keep_is_filled_in_once(stand: Stand, tmp_path: Path) -> None:
    winter, summer = stand.ask(2), stand.ask(2, start=SUMMER)
    stand.plant(update(Reservation).values(told_offset=None))
    assert looked() == ({"moved": {}, "filled": 2}, 0, False)
    assert [stand.row(number).told_offset for number in (winter, summer)] == [60, 120]
    with other_rules(tmp_path, hours=2):
        assert looked() == ({"moved": {"demo": 1}, "filled": 0}, 1, True)


def test_parties_that_arrived_or_left_are_not_counted(stand: Stand, tmp_path: Path) -> None:
    stand.cancel(stand.ask(2))
    with other_rules(tmp_path, hours=2):
        assert looked() == ({"moved": {}, "filled": 0}, 0, False)
