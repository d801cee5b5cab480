"""What the server writes is stored: each byte once, whatever is killed meanwhile."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tasks.backups.log.follow import Follower
from tasks.backups.log.pieces import read_piece, spans
from tasks.backups.safe import Safe
from tests.backups.log.conftest import catch_up
from tests.services.mariadb import MariaDB
from tests.services.stand import Stand

#: In the header of a file's first event: whether the server still writes to it.
_IN_USE = 21


def stored(safe: Safe) -> dict[int, bytes]:
    """What the store holds of each file; it must be without gaps and doubles."""
    files: dict[int, bytes] = {}
    for span in spans(safe.store):
        held = files.setdefault(span.number, b"")
        assert span.start == len(held)
        files[span.number] = held + read_piece(safe, span)[1]
    return files


def written(server: MariaDB, number: int) -> bytes:
    """What the server has of a file."""
    content = bytearray((server.folder / "data" / f"binlog.{number:06d}").read_bytes())
    content[_IN_USE] = 0
    return bytes(content)


def assert_all_is_stored(safe: Safe, server: MariaDB, files: list[int]) -> None:
    held = stored(safe)
    assert list(held) == files
    for number in files:
        content = bytearray(held[number])
        content[_IN_USE] = 0
        assert bytes(content) == written(server, number)


@pytest.mark.mariadb
def test_every_byte_is_stored_once_and_a_finished_file_in_one_piece(
    stand: Stand, safe: Safe, db: Engine, server: MariaDB, follower: Follower
) -> None:
    for _ in range(3):
        stand.ask(2)
        catch_up(follower, db)
    assert len(spans(safe.store)) >= 3
    server.run("FLUSH BINARY LOGS")
    stand.ask(2)
    catch_up(follower, db)
    assert_all_is_stored(safe, server, [1, 2])
    first, *_ = spans(safe.store)
    assert (first.number, first.start, first.end) == (1, 0, len(written(server, 1)))
