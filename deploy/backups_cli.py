"""`maitred backup`, `backups`, `restore` and `drill`: what a tired operator types."""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from deploy.embedded import join
from deploy.plain import Unusable
from tasks.backups.drill import Drilled, run_drill
from tasks.backups.make import make_backup, summary
from tasks.backups.pour import restore_to_url
from tasks.backups.records import DRILL, JOB, recorded
from tasks.backups.restore import SQLITE_FILE, Restored, restore_into
from tasks.backups.safe import open_safe

_WIDTH = 140


@click.command()
@click.option("--full", is_flag=True, help="one that stands alone, whatever was made before")
def backup(full: bool) -> None:
    """Make a backup now; where it can be, of what changed since the last."""
    join()
    safe = open_safe()
    made = recorded(JOB, lambda: make_backup(safe, full=full), summary)
    if made:
        seconds = (made.ended - made.began).total_seconds()
        size = _size(made.seal.sealed_size)
        click.echo(f"{made.name}: {size} ({_size(made.seal.plain_size)} plain), {seconds:.1f} s")


@click.command()
@click.pass_context
def backups(context: click.Context) -> None:
    """List all backups, oldest first. Exits 1 when a manifest is damaged."""
    join()
    found, damaged = open_safe().catalogue()
    table = Table("name", "until (UTC)", "size", "stands on", box=None, pad_edge=False)
    for one in found:
        until = f"{one.ended:%Y-%m-%d %H:%M:%S}"
        table.add_row(one.name, until, _size(one.seal.sealed_size), one.parent or "")
    Console(width=_WIDTH).print(table)
    for problem in damaged:
        click.echo(f"DAMAGED {problem.message}")
    context.exit(1 if damaged else 0)


@click.command()
@click.option("--from", "name", default="", help="a name from `maitred backups`; else the newest")
@click.option("--into", "folder", type=click.Path(path_type=Path), help="a new or empty folder")
@click.option("--to-url", "url", default="", help="a database that holds nothing yet")
@click.option("--despite-findings", is_flag=True, help="hand over what is not in order, too")
def restore(name: str, folder: Path | None, url: str, despite_findings: bool) -> None:
    """Bring a backup back, proved first: into a folder, or into an empty database.

    Never over anything, never half: when a piece is damaged or the check finds something, it is
    named, and the place is as it was. Needs no database that still lives.
    """
    if (folder is None) == (not url):
        raise Unusable("say where to: --into FOLDER or --to-url URL")
    join()
    safe = open_safe()
    if folder is None:
        done = restore_to_url(safe, url, name=name, despite_findings=despite_findings)
    else:
        done = restore_into(safe, folder, name=name, despite_findings=despite_findings)
    _tell(done)
    if folder is not None:
        is_file = done.newest.engine == "sqlite"
        click.echo(f"database: {folder / SQLITE_FILE}" if is_file else f"data folder: {folder}")


@click.command()
def drill() -> None:
    """Restore the newest backup into a scratch place, prove it, print how long it took."""
    join()
    safe = open_safe()
    done = recorded(DRILL, lambda: run_drill(safe), Drilled.as_json)
    if done:
        _tell(done.restored)
        click.echo(f"it came back: {done.seconds:.1f} s from the first byte to the proof")


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


def _size(count: int) -> str:
    return f"{count / 1_000_000:.1f} MB" if count >= 100_000 else f"{count / 1_000:.1f} kB"


#: Everything here, for the `maitred` command.
COMMANDS = (backup, backups, restore, drill)
