"""Makes backups: one at a time, encrypted, incremental where possible; deletes old ones."""

import logging
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any, Final

from models.core import clock
from models.core.database.transactions import engine, primary_url, reading
from models.core.errors import StateConflict
from models.core.settings import settings
from models.entities.running import JobRun
from tasks.backups.databases.snapshot import Snapshot
from tasks.backups.databases.sources import Source, choose_source
from tasks.backups.examine import count_rows, schema_of
from tasks.backups.faults import PieceDamaged
from tasks.backups.log.origin import origin_of
from tasks.backups.log.position import LogPosition
from tasks.backups.log.prune import prune_log
from tasks.backups.manifest import (
    MANIFEST,
    PIECE,
    Kind,
    Manifest,
    chain_of,
    piece_about,
    write_manifest,
)
from tasks.backups.records import JOB
from tasks.backups.retention import Kept, to_keep
from tasks.backups.stores.safe import Safe
from tasks.backups.stores.sealed import seal_stream
from tasks.leases import LeaseHolder

log = logging.getLogger(__name__)

#: One per hour. The scheduler starts the task more often, so that a missed backup is made within
#: minutes. SQLite has one every SNAPSHOT_SECONDS as well, while something changes.
EVERY: Final = timedelta(hours=1)
#: A backup may come this much early, so that the hours do not drift.
SLACK: Final = timedelta(minutes=3)
#: Each day's first backup after this time of day (UTC) is a full one.
NIGHT: Final = timedelta(hours=3)
#: The lease that keeps other processes from making a backup; a killed one's ends after this long.
LEASE_SECONDS: Final = 900


def is_due(newest: Manifest | None, *, now: datetime) -> bool:
    """Whether an hour, less SLACK, has passed since the newest backup began."""
    return newest is None or now - newest.began >= EVERY - SLACK


def make_backup(safe: Safe, *, full: bool = False, only_if_due: bool = False) -> Manifest | None:
    """Make a backup, then delete those outside the retention. Return None when it was not due.

    Raises StateConflict while another is being made, and BackupFailed; then no new backup is
    listed, and all earlier ones remain.
    """
    with alone(JOB, "a backup is already being made"):
        catalogue, damaged = safe.catalogue()
        newest = catalogue[-1] if catalogue else None
        source = _source()
        if only_if_due and not _is_wanted(source, newest):
            return None
        for problem in damaged:
            log.warning("damaged backup", extra={"piece": problem.piece})
        parent = None if full or not newest else _parent(source, newest, catalogue)
        made = _write(safe, source, parent)
        if isinstance(source, Snapshot):
            source.note(made.name)
        prune(safe)
        return made


def _is_wanted(source: Source, newest: Manifest | None) -> bool:
    if is_due(newest, now=clock.now()):
        return True
    return isinstance(source, Snapshot) and newest is not None and source.is_news(newest)


def summary(made: Manifest) -> dict[str, Any]:
    """Return the result for the job's record; the next backup looks for its parent by the name."""
    return {"name": made.name, "kind": made.kind, "bytes": made.seal.sealed_size}


def prune(safe: Safe, *, besides: Collection[str] = ()) -> list[str]:
    """Delete the backups outside the retention, newest first; then pieces without a manifest.

    Each manifest is deleted before its piece, so that only complete backups are listed. Backups
    named in `besides` stay too. Locks are extended for all that stays, where the store can. The
    log is pruned as well. Returns the names of the deleted backups.
    """
    catalogue, damaged = safe.catalogue()
    kept = to_keep([Kept(one.name, one.ended, one.parent) for one in catalogue]).union(besides)
    gone = [one.name for one in reversed(catalogue) if one.name not in kept]
    for name in gone:
        safe.store.delete(name + MANIFEST)
        safe.store.delete(name + PIECE)
    safe.store.tidy()
    # the piece of a damaged manifest may still be needed: only those without a manifest are deleted
    listed = {one.name for one in catalogue} | {one.piece.partition(".")[0] for one in damaged}
    for file in safe.store.names():
        if file.endswith(PIECE) and file.removesuffix(PIECE) not in listed:
            safe.store.delete(file)
    safe.store.hold()
    prune_log(safe, [one for one in catalogue if one.name in kept])
    return gone


@contextmanager
def alone(job: str, otherwise: str) -> Iterator[None]:
    """Hold the lease `job`. Raises StateConflict with the text `otherwise` when it is taken."""
    lease = LeaseHolder(job, seconds=LEASE_SECONDS)
    if not lease.take():
        raise StateConflict(otherwise)
    try:
        yield
    finally:
        lease.release()


def _source() -> Source:
    chosen = settings()
    url = primary_url(chosen.backup_url or chosen.database_url)
    return choose_source(url, method=chosen.backup_method)


def _parent(source: Source, newest: Manifest, catalogue: list[Manifest]) -> Manifest | None:
    """Return the parent for an incremental backup; None when a full one is required.

    The database itself must have recorded the newest backup: a restored server has diverged from
    it, and its log positions mean something else.
    """
    if source.kind != "full" or newest.kind not in ("full", "incremental"):
        return None
    if _remembered() != newest.name or newest.engine_version != source.version:
        return None
    try:
        first = chain_of(newest, catalogue)[0]
    except PieceDamaged:
        return None
    return newest if _night(first.began) == _night(clock.now()) else None


def _remembered() -> str | None:
    """Return the newest backup that this database has recorded; a restored one has none."""
    with reading() as session:
        run = session.get(JobRun, JOB)
        return run.result.get("name") if run and run.result else None


def _night(moment: datetime) -> date:
    return (moment - NIGHT).date()


def _write(safe: Safe, source: Source, parent: Manifest | None) -> Manifest:
    began, before = clock.now(), count_rows(engine())
    kind: Kind = "incremental" if parent else source.kind
    name = f"{began:%Y%m%dT%H%M%SZ}-{kind}-{secrets.token_hex(3)}"
    start = parent.to_position if parent else 0
    stands_on = parent.name if parent else None
    about = piece_about(name, stands_on, start)
    with safe.store.write(name + PIECE) as target, source.stream(start) as stream:
        seal = seal_stream(stream, target, about=about, key=safe.key)
    after = count_rows(engine())
    manifest = Manifest(
        name=name,
        kind=kind,
        engine=source.engine,
        engine_version=source.version,
        database=source.database,
        parent=stands_on,
        began=began,
        ended=clock.now(),
        from_position=start,
        to_position=source.position(),
        schema=schema_of(engine()),
        rows={table: _between(count, after.get(table, count)) for table, count in before.items()},
        seal=seal,
        log=_log_position(source),
    )
    write_manifest(safe.store, manifest, safe.key)
    return manifest


def _log_position(source: Source) -> LogPosition | None:
    """Return the backup's position in the log, if BACKUP_LOG is on and the server has one."""
    logged = source.logged() if settings().backup_log == "on" else None
    if logged is None:
        return None
    return LogPosition(origin_of(logged.identity), logged.file, logged.offset)


def _between(one: int, other: int) -> tuple[int, int]:
    return min(one, other), max(one, other)
