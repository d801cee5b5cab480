"""A log stored in pieces is read back unchanged, or the damaged piece is named."""

import random
import shutil
import struct
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tasks.backups.faults import PieceDamaged, RestoreRefused
from tasks.backups.log.binlog.events import MAGIC
from tasks.backups.log.fetch import end_of_log, fetch_log
from tasks.backups.log.pieces import read_piece, spans
from tasks.backups.log.position import LogPosition
from tasks.backups.log.prune import prune_log
from tasks.backups.log.ship import Shipper
from tasks.backups.manifest import Manifest
from tasks.backups.stores.keys import master_key
from tasks.backups.stores.safe import Safe
from tasks.backups.stores.sealed import Seal
from tasks.backups.stores.store import FolderStore

ORIGIN = "0123456789ab"
BEGAN = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)
BASE = LogPosition(ORIGIN, "binlog.000001", 4)
PLACES = 200
#: The type of event that starts every transaction (MariaDB's GTID event).
BEGINS_TRANSACTION = 162


def event(number: int, *, size: int = 120) -> bytes:
    """A transaction of that second."""
    at = int(BEGAN.timestamp()) + number
    header = struct.pack("<IBIIIH", at, BEGINS_TRANSACTION, 1, size, 0, 0)
    return header + random.Random(number).randbytes(size - len(header))


FILES = {
    1: [MAGIC + event(0), event(1) + event(2)[:50], event(2)[50:]],
    2: [MAGIC + event(3), event(4), event(5) + event(6)],
}


@pytest.fixture
def safe(tmp_path: Path) -> Safe:
    """Two files of a log, each stored in three pieces, the first unmerged."""
    made = Safe(FolderStore(tmp_path / "kept"), master_key("k" * 32))
    (folder := tmp_path / "spool").mkdir()
    shipper = Shipper(made, ORIGIN)
    shipper._merge = lambda *_, **__: None  # type: ignore[method-assign]
    for number, blocks in FILES.items():
        for block in blocks:
            with (folder / f"binlog.{number:06d}").open("ab") as file:
                file.write(block)
            shipper.ship(folder)
    return made


def fetched(safe: Safe, folder: Path, *, to: int | None = None) -> bytes:
    """Fetch the log, up to that second."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    end = None if to is None else BEGAN + timedelta(seconds=to)
    found = fetch_log(safe, BASE, folder, since=BEGAN, to=end)
    return b"".join(path.read_bytes() for path in found.files)


def whole(number: int) -> bytes:
    return b"".join(FILES[number])


def test_it_comes_back_whole_and_up_to_each_second(safe: Safe, tmp_path: Path) -> None:
    place = tmp_path / "out"
    assert len(spans(safe.store)) == 6
    assert fetched(safe, place) == whole(1) + whole(2)
    assert fetched(safe, place, to=2) == MAGIC + event(0) + event(1)
    assert fetched(safe, place, to=5) == whole(1) + MAGIC + event(3) + event(4)
    assert end_of_log(safe, BASE) == BEGAN + timedelta(seconds=6)
    with pytest.raises(RestoreRefused, match="the log ends at 2026-11-20T19:00:06Z"):
        fetched(safe, place, to=7)


def test_what_is_not_whole_at_the_end_is_left_out(safe: Safe, tmp_path: Path) -> None:
    shipper = Shipper(safe, ORIGIN)
    (folder := tmp_path / "more").mkdir()
    (folder / "binlog.000002").write_bytes(whole(2) + event(7)[:30])
    shipper.ship(folder)
    assert fetched(safe, tmp_path / "out") == whole(1) + whole(2)


@pytest.mark.parametrize("index", range(6))
def test_a_missing_piece_is_named(safe: Safe, tmp_path: Path, index: int) -> None:
    span = spans(safe.store)[index]
    safe.store.delete(span.name)
    if index == 5:  # nothing records that the very last piece existed
        assert fetched(safe, tmp_path / "out") == whole(1) + MAGIC + event(3) + event(4)
        return
    named = rf"log-{ORIGIN}-{span.number:08d}-{span.start:012d}-"
    with pytest.raises(PieceDamaged, match=rf"{named}.*(missing|follow).*complete until 2026"):
        fetched(safe, tmp_path / "out")
    assert end_of_log(safe, BASE) is None or index == 2


def test_pieces_that_changed_places_are_named(safe: Safe, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    names = [span.name for span in spans(safe.store)]
    for one, other in pairwise(names):
        first, second = (kept / one).read_bytes(), (kept / other).read_bytes()
        (kept / one).write_bytes(second)
        (kept / other).write_bytes(first)
        with pytest.raises(PieceDamaged, match=f"{one}: is {other}"):
            fetched(safe, tmp_path / "out")
        (kept / one).write_bytes(first)
        (kept / other).write_bytes(second)
    (kept / names[1]).rename(kept / names[1].replace(ORIGIN, "f" * 12))
    (moved,) = spans(safe.store, "f" * 12)
    with pytest.raises(PieceDamaged, match=moved.name):
        read_piece(safe, moved)


def test_flips_and_cuts_anywhere_are_found(safe: Safe, tmp_path: Path) -> None:
    chance = random.Random(9)
    span = spans(safe.store)[1]
    path = tmp_path / "kept" / span.name
    content = path.read_bytes()
    for turn in range(PLACES):
        place = turn if turn < 16 else chance.randrange(len(content))
        flipped = bytearray(content)
        flipped[place] ^= 1 << chance.randrange(8)
        for wrong in (bytes(flipped), content[:place]):
            path.write_bytes(wrong)
            with pytest.raises(PieceDamaged, match=span.name):
                read_piece(safe, span)
    path.write_bytes(content + b"x")
    with pytest.raises(PieceDamaged, match=span.name):
        read_piece(safe, span)


def test_what_no_backup_of_the_last_days_needs_is_let_go(safe: Safe) -> None:
    def backup(days: int, log: LogPosition | None) -> Manifest:
        ended = BEGAN + timedelta(days=days)
        seal = Seal("", "", 0, "", 0, "")
        return Manifest(
            f"b{days}", "full", "mariadb", "", "", None, ended, ended, 0, 0, None, {}, seal, log
        )

    second = LogPosition(ORIGIN, "binlog.000002", len(MAGIC + event(3) + event(4)))
    assert prune_log(safe, [backup(0, BASE), backup(14, second)]) == []
    gone = prune_log(safe, [backup(0, BASE), backup(15, second)])
    assert len(gone) == 3
    # the file of the backup's position keeps its beginning and the piece that ends there
    begin, *_, rest = spans(safe.store)
    assert (begin.number, begin.start) == (2, 0)
    assert (rest.number, rest.start) == (2, second.offset)
    assert prune_log(safe, [backup(14, None)]) == []
    assert len(prune_log(safe, [backup(15, None)])) == 3
