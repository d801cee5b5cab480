"""x"""

from collections.abc import Callable
from pathlib import Path
from sqlalchemy import Engine
from tasks.backups.log.follow import Follower
from tasks.backups.log import follow
from tasks.backups.safe import Safe
from tasks.backups.restore import opened, restore_into
from tests.backups.conftest import made
from tests.backups.log.test_replay import next_second
from tests.backups.test_round_trip import rows_of
from tests.services.stand import Stand


def test_it(
    stand: Stand, safe: Safe, db: Engine, follower: Follower, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(follow, "LOOK_SECONDS", 0.0)
    follower.step()
    follower.step()
    base = made(safe)
    print(base.log)
    stand.ask(3)
    follower.step()
    between, rows = next_second(), rows_of(db)
    stand.ask(4)
    follower.step()
    after = rows_of(db)
    restored = restore_into(safe, tmp_path / "to", to=between)
    assert restored.until == between
    with opened(tmp_path / "to", base) as bind:
        assert rows_of(bind) == rows
    restored = restore_into(safe, tmp_path / "end")
    with opened(tmp_path / "end", base) as bind:
        assert rows_of(bind) == after
    print(restored)
