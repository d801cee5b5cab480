"""Restores a backup into a new folder, checks it, and hands it over complete or not at all."""

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final

from sqlalchemy import URL, Engine

from models.core import clock
from models.core.database.connections import PATIENT_SECONDS
from models.core.database.transactions import make_engine
from tasks.backups.choose import choose, with_alternative
from tasks.backups.databases.dialects import for_server
from tasks.backups.databases.scratch import new_data, serving
from tasks.backups.databases.tools import feed, find_tool, run_tool
from tasks.backups.examine import Examined, examine
from tasks.backups.faults import PieceDamaged, RestoreRefused
from tasks.backups.handover import hand_over
from tasks.backups.log.replay import Log, Replayed, fetched_log
from tasks.backups.manifest import PIECE, SQLITE_FILE, Manifest
from tasks.backups.stores.safe import Safe
from tasks.backups.stores.sealed import open_stream

#: Required disk space, as a multiple of the unencrypted size of the pieces.
_ROOM: Final = 1.2


@dataclass(frozen=True, slots=True)
class Restored:
    """The result of a restore: its backup, its checks, and the seconds that its steps took."""

    newest: Manifest
    pieces: int
    unpack_seconds: float
    open_seconds: float
    examined: Examined
    replayed: Replayed | None = None

    @property
    def until(self) -> datetime:
        """The time of the restored state."""
        return self.replayed.until if self.replayed else self.newest.ended


def restore_into(
    safe: Safe,
    folder: Path,
    *,
    name: str = "",
    to: datetime | None = None,
    with_log: bool = True,
    despite_findings: bool = False,
    thorough: bool = False,
) -> Restored:
    """Restore the newest backup and the log after it as `folder`, which must be new or empty.

    `name`: that backup; `to`: up to that second; without `with_log`: the backup alone. `folder` is
    then a server's data folder, or holds SQLITE_FILE. `thorough`: fully checked, however large.

    Raises PieceDamaged, naming the piece and an alternative if there is one, or RestoreRefused
    with the findings of the check, unless `despite_findings`; then `folder` is as it was.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RestoreRefused(f"{folder} is not empty; a restore never overwrites anything")
    folder = folder.absolute()
    try:
        chain = choose(safe, name=name, to=to)
        folder.parent.mkdir(parents=True, exist_ok=True)
        place = folder.with_name(f".{folder.name}.log-{secrets.token_hex(4)}")
        with fetched_log(safe, chain[-1], place, to=to) if with_log else nullcontext() as log:
            check = partial(examine, thorough=thorough)
            return _restore(safe, chain, folder, log, check, despite_findings=despite_findings)
    except PieceDamaged as problem:
        if not with_log:
            raise
        raise with_alternative(safe, problem, to=to) from problem


def _restore(
    safe: Safe,
    chain: list[Manifest],
    folder: Path,
    log: Log | None,
    check: Callable[..., Examined],
    *,
    despite_findings: bool,
) -> Restored:
    base = chain[-1]
    draft = folder.with_name(f".{folder.name}.restoring-{secrets.token_hex(4)}")
    try:
        began = monotonic()
        _check_room(chain, folder.parent)
        draft.mkdir(mode=0o700)
        _unpack(safe, chain, draft)
        unpacked = monotonic()
        replayed = log.replay(draft) if log else None
        led_on = monotonic()
        with opened(draft, base) as bind:
            ready = monotonic()
            examined = check(bind, base, until=replayed.until if replayed else None)
            until = replayed.until if replayed else base.ended
            hand_over(bind, until=until, now=clock.now())
        if examined.problems and not despite_findings:
            raise RestoreRefused(
                "the restored database failed its checks: " + "; ".join(examined.problems)
            )
        # not by `atomic_files`: a whole folder, which its programs have written and synced
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Restored(base, len(chain), unpacked - began, ready - led_on, examined, replayed)


@contextmanager
def opened(folder: Path, manifest: Manifest) -> Iterator[Engine]:
    """Yield an engine on a restored folder; the server is shut down cleanly at the end."""
    if manifest.engine == "sqlite":
        with _engine(f"sqlite:///{folder / SQLITE_FILE}") as bind:
            yield bind
        return
    with (
        serving(folder) as server,
        _engine(_text(server.set(database=manifest.database))) as bind,
    ):
        yield bind


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    bind = make_engine(url, pool_size=1, limit=PATIENT_SECONDS)
    try:
        yield bind
    finally:
        bind.dispose()


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _check_room(chain: list[Manifest], place: Path) -> None:
    wanted = int(_ROOM * sum(one.seal.plain_size for one in chain))
    free = shutil.disk_usage(place).free
    if free < wanted:
        raise RestoreRefused(
            f"{place} has {free >> 20} MB free; the restore needs {wanted >> 20} MB"
        )


def blocks_of(safe: Safe, manifest: Manifest) -> Iterator[bytes]:
    """Yield the content of a backup's piece. Raises PieceDamaged; it is valid only at the end."""
    piece = manifest.name + PIECE
    try:
        with safe.store.read(piece) as source:
            yield from open_stream(
                source, manifest.seal, piece=piece, about=manifest.about, key=safe.key
            )
    except FileNotFoundError as missing:
        raise PieceDamaged(piece, "missing") from missing


def _unpack(safe: Safe, chain: list[Manifest], folder: Path) -> None:
    first, *rest = chain
    if first.kind == "snapshot":
        with (folder / SQLITE_FILE).open("xb") as file:
            for block in blocks_of(safe, first):
                file.write(block)
    elif first.kind == "dump":
        _load_dump(safe, first, folder)
    else:
        _extract(safe, first, folder)
        _prepare(folder)
        for manifest in rest:
            # beside the data folder: the server takes a folder within it for a database
            changes = folder.with_name(f"{folder.name}-changes")
            changes.mkdir(mode=0o700)
            try:
                _extract(safe, manifest, changes)
                _prepare(folder, changes)
            finally:
                shutil.rmtree(changes, ignore_errors=True)


def _extract(safe: Safe, manifest: Manifest, folder: Path) -> None:
    argv = [find_tool("mbstream"), "--extract", f"--directory={folder}"]
    feed(argv, blocks_of(safe, manifest))


def _prepare(folder: Path, changes: Path | None = None) -> None:
    argv = [find_tool("mariadb-backup"), "--no-defaults", "--prepare", f"--target-dir={folder}"]
    if changes is not None:
        argv.append(f"--incremental-dir={changes}")
    run_tool(argv)


def _load_dump(safe: Safe, manifest: Manifest, folder: Path) -> None:
    new_data(folder)
    with serving(folder) as server:
        with _engine(_text(server)) as bind, bind.connect() as connection:
            version = connection.exec_driver_sql("SELECT @@version").scalar_one()
            connection.exec_driver_sql(
                f"CREATE DATABASE `{manifest.database}` CHARACTER SET utf8mb4"
            )
        dump = blocks_of(safe, manifest)
        feed(
            client(server.set(database=manifest.database)),
            for_server(dump, made_by=manifest.engine_version, read_by=version),
            quiet=True,
        )


def client(url: URL) -> list[str]:
    """Return the command line that runs SQL on a scratch server, which needs no password."""
    return [
        find_tool("mariadb", "mysql"),
        "--no-defaults",
        "--user=root",
        f"--socket={url.query['unix_socket']}",
        "--default-character-set=utf8mb4",
        "--init-command=SET SESSION foreign_key_checks=0, unique_checks=0",
        str(url.database),
    ]
