"""`maitred backup create | restore | drill`, and `maitred follow`: backup and recovery."""

import signal
import threading
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from deploy.cli.errors import Unusable
from deploy.cli.recovery.stores import AT_STORE, backup, size_text
from deploy.embedded.folder import join
from models.core.errors import MaitredError
from models.core.observe.logs import configure_logging
from tasks.backups.drill import Drilled, run_drill
from tasks.backups.faults import PieceDamaged
from tasks.backups.log.position import as_text
from tasks.backups.log.service import follow as follow_log
from tasks.backups.make import make_backup, summary
from tasks.backups.manifest import SQLITE_FILE
from tasks.backups.records import DRILL, JOB, SECOND_STORE, recorded
from tasks.backups.restore import Restored, restore_into
from tasks.backups.restore_to_url import restore_to_url
from tasks.backups.stores.facts import note_store
from tasks.backups.stores.safe import FIRST, open_safe
from tasks.backups.stores.second import copy_to_second, whole_elsewhere

__all__ = ["backup", "create", "drill", "follow", "restore"]


class Second(click.ParamType[datetime]):
    """A time to the second, with its zone: `2026-11-20T19:42:10Z`."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Parse the time. Raises click's BadParameter, which shows the format."""
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None or moment.microsecond:
            self.fail("give it to the second, with its zone: 2026-11-20T19:42:10Z", param, ctx)
        return moment.astimezone(UTC)


@backup.command()
@click.option("--full", is_flag=True, help="make a full backup, not an incremental one")
@click.pass_context
def create(context: click.Context, full: bool) -> None:
    """Make a backup now, incremental if possible.

    Exits with 1 when it was made, but could not be copied to the second store.
    """
    join()
    safe = open_safe()
    made = recorded(JOB, lambda: make_backup(safe, full=full), summary)
    if made:
        seconds = (made.ended - made.began).total_seconds()
        size = size_text(made.seal.sealed_size)
        plain = size_text(made.seal.plain_size)
        click.echo(f"{made.name}: {size} ({plain} plain), {seconds:.1f} s")
        note_store(FIRST, safe)
    if safe.second is not None:
        try:
            done = recorded(SECOND_STORE, lambda: copy_to_second(safe), lambda done: done)
        except MaitredError as problem:
            click.echo(f"NOT IN THE SECOND STORE: {problem.message}", err=True)
            context.exit(1)
        click.echo(f"second store: {done['copied'] if done else 0} copied")


@backup.command()
@click.option(
    "--from", "name", default="", help="a name from `maitred backup list`; default: the newest"
)
@click.option("--store", "which", type=AT_STORE, default=FIRST, help="read from this store")
@click.option("--into", "folder", type=click.Path(path_type=Path), help="a new or empty folder")
@click.option("--to-url", "url", default="", help="an empty database")
@click.option(
    "--to", type=Second(), help="up to this second: 2026-11-20T19:42:10Z; default: the end"
)
@click.option("--without-log", is_flag=True, help="restore the backup only, without the later log")
@click.option("--despite-findings", is_flag=True, help="restore even if the check has findings")
def restore(
    name: str,
    which: str,
    folder: Path | None,
    url: str,
    to: datetime | None,
    without_log: bool,
    despite_findings: bool,
) -> None:
    """Restore into a folder, or into an empty database, and check the data first.

    Uses the newest backup (with --to: from before that time) and the log since then; for SQLite,
    which has no log, the nearest snapshot.

    Never overwrites anything, never leaves half a restore: if a part is damaged or the check has
    findings, they are reported and the target is as it was. Needs no running database.
    """
    if (folder is None) == (not url):
        raise Unusable("give the target: --into FOLDER or --to-url URL")
    if to and without_log:
        raise Unusable("--to needs the log: omit --without-log")
    join()
    safe = open_safe(which)
    wanted = partial(restore_to_url, safe, url)
    if folder is not None:
        wanted = partial(restore_into, safe, folder)
    try:
        done = wanted(name=name, to=to, with_log=not without_log, despite_findings=despite_findings)
    except PieceDamaged as damage:
        _offer_other(which, name, damage)
        raise
    _tell(done, to)
    if folder is not None:
        is_file = done.newest.engine == "sqlite"
        click.echo(f"database: {folder / SQLITE_FILE}" if is_file else f"data folder: {folder}")


@click.command()
def follow() -> None:
    """Store the log of the database's writes, to the second, until a signal arrives.

    This is a process of the installation; several may run, of which one works.
    """
    join()
    configure_logging()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    follow_log(stop)


@backup.command()
@click.option("--store", "which", type=AT_STORE, default=FIRST, help="read from this store")
def drill(which: str) -> None:
    """Restore the newest backup and its log into a scratch location, check it, print the time."""
    join()
    safe = open_safe(which)
    done = recorded(DRILL, lambda: run_drill(safe), Drilled.as_json)
    if done:
        _tell(done.restored, None)
        click.echo(f"restored and checked in {done.seconds:.1f} s, from the first byte on")


def _offer_other(which: str, name: str, damage: PieceDamaged) -> None:
    """Raise PieceDamaged, naming the other store if that has an undamaged copy."""
    if other := whole_elsewhere(which, name):
        where = f"; the {other} store has an undamaged copy: --store {other}"
        raise PieceDamaged(damage.piece, damage.message.partition(": ")[2] + where) from damage


def _tell(done: Restored, to: datetime | None) -> None:
    newest, examined = done.newest, done.examined
    click.echo(f"{newest.name}: {done.pieces} backups, until {as_text(newest.ended)}")
    if done.replayed:
        click.echo(
            f"log replayed: {size_text(done.replayed.size)} in {done.replayed.seconds:.1f} s"
        )
    else:
        click.echo("no log was replayed")
    click.echo(f"this is the state of {as_text(done.until)}")
    if to and done.until < to:
        apart = (to - done.until).total_seconds()
        click.echo(f"the nearest snapshot is {apart:.0f} s before {as_text(to)}")
    click.echo(
        f"unpacked in {done.unpack_seconds:.1f} s, opened in {done.open_seconds:.1f} s,"
        f" checked in {examined.seconds:.1f} s"
    )
    click.echo(", ".join(f"{table} {count}" for table, count in sorted(examined.rows.items())))
    for problem in examined.problems:
        click.echo(f"WRONG {problem}")
    if not examined.is_whole:
        click.echo("checked: tables, books, rules and references")
        click.echo(
            "not checked yet: histories, messages, pacing, guests: start Maitred, `maitred check`"
        )
