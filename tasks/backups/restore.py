"""Restores a backup into a new folder and checks it; the folder appears complete or not at all."""

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

from sqlalchemy import Engine, make_url

from models.core import clock
from tasks.backups.choose import choose, with_alternative
from tasks.backups.databases.scratch import engine_on, serving
from tasks.backups.databases.unpack import unpack
from tasks.backups.examine import Examined, examine
from tasks.backups.faults import PieceDamaged, RestoreRefused
from tasks.backups.log.replay import Log, Replayed, fetched_log
from tasks.backups.manifest import SQLITE_FILE, Manifest
from tasks.backups.restored_rows import prepare_rows
from tasks.backups.stores.pieces import blocks_of
from tasks.backups.stores.safe import Safe

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
        unpack(chain, draft, partial(blocks_of, safe))
        unpacked = monotonic()
        replayed = log.replay(draft) if log else None
        led_on = monotonic()
        with opened(draft, base) as bind:
            ready = monotonic()
            examined = check(bind, base, until=replayed.until if replayed else None)
            until = replayed.until if replayed else base.ended
            prepare_rows(bind, until=until, now=clock.now())
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
        with engine_on(make_url(f"sqlite:///{folder / SQLITE_FILE}")) as bind:
            yield bind
        return
    with (
        serving(folder) as server,
        engine_on(server.set(database=manifest.database)) as bind,
    ):
        yield bind


def _check_room(chain: list[Manifest], place: Path) -> None:
    wanted = int(_ROOM * sum(one.seal.plain_size for one in chain))
    free = shutil.disk_usage(place).free
    if free < wanted:
        raise RestoreRefused(
            f"{place} has {free >> 20} MB free; the restore needs {wanted >> 20} MB"
        )
