"""A scratch server affects no other server, above all not the live one beside it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.backups.databases.scratch import new_data, serving
from tests.services.servers.mariadb import MariaDB


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The shared temporary folder; its path is short because sockets have a length limit."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield Path(folder)


@pytest.mark.mariadb
def test_it_leaves_the_temporary_tables_of_others_alone(
    mariadb: MariaDB, shared: Path, tmp_path: Path
) -> None:
    theirs = shared / "#sql-temptable-791d-a-253.MAI"
    theirs.touch()
    new_data(tmp_path / "data")
    assert theirs.exists()
    with serving(tmp_path / "data"):
        pass
    assert theirs.exists()
    assert [path.name for path in shared.iterdir()] == [theirs.name]
