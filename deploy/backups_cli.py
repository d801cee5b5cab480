"""`maitred backup`, `restore` and `drill`: what a tired operator types."""

from pathlib import Path

import click

from deploy.embedded import join
from deploy.plain import Unusable
from deploy.stores_cli import AT_STORE, backups, size_text
from models.core.errors import MaitredError
from tasks.backups.drill import Drilled, run_drill
from tasks.backups.facts import note_store
from tasks.backups.faults import PieceDamaged
from tasks.backups.make import make_backup, summary
from tasks.backups.pour import restore_to_url
from tasks.backups.records import DRILL, JOB, SECOND_STORE, recorded
from tasks.backups.restore import SQLITE_FILE, Restored, restore_into
from tasks.backups.safe import FIRST, open_safe
from tasks.backups.second import copy_to_second, whole_elsewhere


@click.command()
@click.option("--full", is_flag=True, help="one that stands alone, whatever was made before")
@click.pass_context
def backup(context: click.Context, full: bool) -> None:
    """Make a backup now; where it can be, of what changed since the last.

    Exits 1 when it was made, but could not be copied to the second store.
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


@click.command()
@click.option("--from", "name", default="", help="a name from `maitred backups`; else the newest")
@click.option("--store", "which", type=AT_STORE, default=FIRST, help="where to take it from")
@click.option("--into", "folder", type=click.Path(path_type=Path), help="a new or empty folder")
@click.option("--to-url", "url", default="", help="a database that holds nothing yet")
@click.option("--despite-findings", is_flag=True, help="hand over what is not in order, too")
def restore(name: str, which: str, folder: Path | None, url: str, despite_findings: bool) -> None:
    """Bring a backup back, proved first: into a folder, or into an empty database.

    Never over anything, never half: when a piece is damaged or the check finds something, it is
    named, and the place is as it was. Needs no database that still lives.
    """
    if (folder is None) == (not url):
        raise Unusable("say where to: --into FOLDER or --to-url URL")
    join()
    safe = open_safe(which)
    try:
        if folder is None:
            done = restore_to_url(safe, url, name=name, despite_findings=despite_findings)
        else:
            done = restore_into(safe, folder, name=name, despite_findings=despite_findings)
    except PieceDamaged as damage:
        _offer_other(which, name, damage)
        raise
    _tell(done)
    if folder is not None:
        is_file = done.newest.engine == "sqlite"
        click.echo(f"database: {folder / SQLITE_FILE}" if is_file else f"data folder: {folder}")


@click.command()
@click.option("--store", "which", type=AT_STORE, default=FIRST, help="where to take it from")
def drill(which: str) -> None:
    """Restore the newest backup into a scratch place, prove it, print how long it took."""
    join()
    safe = open_safe(which)
    done = recorded(DRILL, lambda: run_drill(safe), Drilled.as_json)
    if done:
        _tell(done.restored)
        click.echo(f"it came back: {done.seconds:.1f} s from the first byte to the proof")


def _offer_other(which: str, name: str, damage: PieceDamaged) -> None:
    """Where the same can be had: raises what is damaged, and the way out of it."""
    if other := whole_elsewhere(which, name):
        where = f"; it is whole in the {other} store: --store {other}"
        raise PieceDamaged(damage.piece, damage.message.partition(": ")[2] + where) from damage


def _tell(done: Restored) -> None:
    newest, examined = done.newest, done.examined
    until = f"{newest.ended:%Y-%m-%d %H:%M:%S} UTC"
    click.echo(f"{newest.name}: the state of {until}, {done.pieces} pieces")
    click.echo(
        f"unpacked in {done.unpack_seconds:.1f} s, opened in {done.open_seconds:.1f} s,"
        f" checked in {examined.seconds:.1f} s"
    )
    click.echo(", ".join(f"{table} {count}" for table, count in sorted(examined.rows.items())))
    for problem in examined.problems:
        click.echo(f"WRONG {problem}")


#: Everything here, for the `maitred` command.
COMMANDS = (backup, backups, restore, drill)
