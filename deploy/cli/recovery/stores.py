"""`maitred backup list | verify | ...`: list backups; maintain stores and keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from deploy.cli.errors import PlainGroup
from deploy.embedded.folder import join
from tasks.backups.faults import StoreFailed
from tasks.backups.make import alone
from tasks.backups.manifest import Manifest
from tasks.backups.records import JOB, SECOND_STORE
from tasks.backups.stores.rewrap import rewrap_log, rewrap_manifests
from tasks.backups.stores.safe import FIRST, SECOND, open_safe, stores
from tasks.backups.stores.verify import verify_store

_WIDTH = 140
AT_STORE: Final = click.Choice((FIRST, SECOND))


@click.group(cls=PlainGroup)
def backup() -> None:
    """Backups of the database, and the stores that hold them."""


@backup.command("list")
@click.pass_context
def list_backups(context: click.Context) -> None:
    """List all backups, oldest first, and the stores that hold each.

    Exits with 1 when a manifest is damaged, or a store is unavailable.
    """
    join()
    context.exit(0 if _list() else 1)


@backup.command()
@click.option("--from", "name", default="", help="a name from `maitred backup list`; default: all")
@click.option(
    "--store", "which", type=AT_STORE, help="only this store; default: each configured store"
)
@click.pass_context
def verify(context: click.Context, name: str, which: str | None) -> None:
    """Read all stored data completely, and report damage. Exits with 1 when there is any."""
    join()
    count, pieces, wrong = 0, 0, 0
    for store in (which,) if which else stores():
        with _naming(store) as problems:
            found = verify_store(open_safe(store), name)
            problems.extend(found.wrong)
            count += found.backups
            pieces += found.pieces
        wrong += len(problems)
    log = f" and {pieces} log segments" if pieces else ""
    click.echo(f"{count} backups{log} read, {wrong} damaged")
    context.exit(1 if wrong or not count else 0)


@backup.command("check-store")
@click.pass_context
def check_store(context: click.Context) -> None:
    """Test each store, and check its protection. Exits with 1 when something is wrong."""
    join()
    wrong = 0
    for store in stores():
        with _naming(store) as problems:
            opened = open_safe(store).store
            click.echo(f"{store}: {opened.label}")
            for check in opened.check():
                click.echo(f"  {'yes' if check.is_well else 'NO '}  {check.text}")
                wrong += not check.is_well
        wrong += len(problems)
    context.exit(1 if wrong else 0)


@backup.command()
@click.pass_context
def rewrap(context: click.Context) -> None:
    """Re-wrap with BACKUP_KEY every backup and log segment that BACKUP_OLD_KEY still opens.

    The encrypted data is unchanged. If it is interrupted, each item opens with one key or the
    other: run it again. Exits with 1 when an item was left as it was.
    """
    join()
    left = 0
    for store in stores():
        safe = open_safe(store)
        job = JOB if store == FIRST else SECOND_STORE
        with alone(job, f"the {store} store is being written to; try again in a minute"):
            done, damaged = rewrap_manifests(safe)
        pieces, broken = rewrap_log(safe)
        for problem in (*damaged, *broken):
            click.echo(f"NOT CHANGED in the {store} store: {problem.message}", err=True)
            left += 1
        log = f" and {pieces} log segments" if pieces else ""
        click.echo(f"{store} store: {done} rewrapped{log}; key {safe.key.id}")
    context.exit(1 if left else 0)


@backup.command()
@click.option("--since", type=click.DateTime(), required=True, help="UTC, 2026-11-20T19:42:10")
@click.option("--store", "which", type=AT_STORE, default=FIRST, help="the store")
def undelete(since: datetime, which: str) -> None:
    """Bring back objects deleted or overwritten since then, in a bucket that keeps versions.

    Objects removed by retention come back too, until the next backup is made.
    """
    join()
    for name in open_safe(which).store.bring_back(since.replace(tzinfo=UTC)):
        click.echo(f"undeleted: {name}")


@contextmanager
def _naming(store: str) -> Iterator[list[str]]:
    """Yield a list for damage in that store; print it at the end, or that the store is
    unavailable.
    """
    problems: list[str] = []
    try:
        yield problems
    except StoreFailed as away:
        problems.append(away.message)
    for problem in problems:
        click.echo(f"WRONG in the {store} store: {problem}")


def _list() -> bool:
    found: dict[str, Manifest] = {}
    holders: dict[str, list[str]] = {}
    wrong: list[str] = []
    for store in stores():
        try:
            catalogue, damaged = open_safe(store).catalogue()
        except StoreFailed as away:
            wrong.append(f"UNAVAILABLE: the {store} store: {away.message}")
            continue
        place = f" (in the {store} store)" if len(stores()) > 1 else ""
        wrong += [f"DAMAGED {problem.message}{place}" for problem in damaged]
        for one in catalogue:
            found.setdefault(one.name, one)
            holders.setdefault(one.name, []).append(store)
    table = Table("name", "until (UTC)", "size", "in", "parent", box=None, pad_edge=False)
    for one in sorted(found.values(), key=lambda one: (one.ended, one.name)):
        until, size = f"{one.ended:%Y-%m-%d %H:%M:%S}", size_text(one.seal.sealed_size)
        table.add_row(one.name, until, size, "+".join(holders[one.name]), one.parent or "")
    Console(width=_WIDTH).print(table)
    for problem in wrong:
        click.echo(problem)
    return not wrong


def size_text(count: int) -> str:
    """Format a number of bytes for people."""
    return f"{count / 1_000_000:.1f} MB" if count >= 100_000 else f"{count / 1_000:.1f} kB"
