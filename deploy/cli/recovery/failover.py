"""`maitred failover ...`: move the database to the other region, and back."""

import signal
import threading
from collections.abc import Callable

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import DBAPIError

from deploy.cli.errors import PlainGroup
from deploy.cli.recovery.backups import create
from deploy.cli.recovery.lost import show as show_lost
from deploy.embedded.folder import join
from models.core import clock
from models.core.errors import MaitredError
from models.core.settings import settings
from tasks.failover.after import await_signs, is_recorded, record
from tasks.failover.faults import FailoverRefused
from tasks.failover.overview import Overview, Seen, all_servers, query_servers
from tasks.failover.promotions import missing_right
from tasks.failover.rejoin import rejoin as make_follow
from tasks.failover.rejoin import returning
from tasks.failover.replaced import fence_replaced
from tasks.failover.switch import FailoverRequest, Switched, fail_over
from tasks.failover.watch import EVERY, MISSES, FailoverWatch

_WIDTH = 140
_TO = click.option(
    "--to", default="", metavar="HOST:PORT", help="switch to this server while the primary is alive"
)
_OLD_IS_GONE = click.option(
    "--old-is-gone", is_flag=True, help="confirm that the unreachable primary takes no writes"
)
_FENCE = click.option(
    "--fence", default="", metavar="COMMAND", help="command that fences the old primary"
)
_RETURNING = click.option(
    "--to", default="", metavar="HOST:PORT", help="the server to return, if there are several"
)
_SEEDED_AT = click.option(
    "--seeded-at",
    default="",
    metavar="GTID",
    help="GTID position of the copy that it was seeded with",
)
_WAIT = click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    help="seconds to wait for the scheduler and the workers to connect",
)
_NO_BACKUP = click.option("--no-backup", is_flag=True, help="skip the full backup afterwards")


@click.group(cls=PlainGroup)
def failover() -> None:
    """Fail-over of the database to a replica, and back."""


@failover.command()
@click.pass_context
def check(context: click.Context) -> None:
    """Show each server's state. Exits with 1 if no fail-over is possible."""
    join()
    with all_servers() as servers:
        context.exit(0 if _show(query_servers(servers)) else 1)


@failover.command()
@_TO
@_OLD_IS_GONE
@_FENCE
@_WAIT
@_NO_BACKUP
@click.pass_context
def promote(
    context: click.Context, to: str, old_is_gone: bool, fence: str, wait: float, no_backup: bool
) -> None:
    """Promote the replica to primary: fence the old one, and carry over all data in reach.

    Refused, with the reason, while the primary is alive (but see --to) or may be alive but
    unreachable. If it is killed at any point, run it again: the result is the same.
    """
    join()
    with all_servers() as servers:
        done = fail_over(servers, FailoverRequest(to, old_is_gone, fence, report=click.echo))
    if done.promoted or not is_recorded(done.primary):
        _finish(context, done, wait=wait, no_backup=no_backup)
    else:
        click.echo(f"{done.primary} takes writes: nothing to do")


@failover.command()
@_TO
@_OLD_IS_GONE
@_FENCE
@click.option("--accept-loss", is_flag=True, help="fail over even without semi-sync")
@_WAIT
@_NO_BACKUP
@click.pass_context
def watch(
    context: click.Context,
    to: str,
    old_is_gone: bool,
    fence: str,
    accept_loss: bool,
    wait: float,
    no_backup: bool,
) -> None:
    """Poll the servers until a signal arrives, and promote the replica when the primary is gone."""
    join()

    def finish(done: Switched) -> None:
        _finish(context, done, wait=wait, no_backup=no_backup)

    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    click.echo(f"watching: fail over after {MISSES} polls without a primary, {EVERY:g} s apart")
    request = FailoverRequest(to, old_is_gone, fence, report=click.echo)
    FailoverWatch(request, accept_loss=accept_loss, then=finish).run(over)


@failover.command()
@click.argument("server", metavar="HOST:PORT")
def compare(server: str) -> None:
    """Show the data that only this server has, which another was promoted to replace."""
    join()
    with all_servers() as servers:
        show_lost(fence_replaced(query_servers(servers), click.echo), server)


@failover.command()
@_RETURNING
@_SEEDED_AT
def rejoin(to: str, seeded_at: str) -> None:
    """Make the old primary follow the new one, which stays the primary.

    Refused when it holds transactions that the new one never had.
    """
    join()
    with all_servers() as servers:
        _rejoin(query_servers(servers), to=to, seeded_at=seeded_at)


@failover.command("return")
@_RETURNING
@_SEEDED_AT
@_WAIT
@_NO_BACKUP
@click.pass_context
def return_(context: click.Context, to: str, seeded_at: str, wait: float, no_backup: bool) -> None:
    """Make the old primary follow the new one, and promote it once it has caught up.

    Refused when it holds transactions that the new one never had. Nothing is lost; writes stop
    briefly, and the duration is reported.
    """
    join()
    with all_servers() as servers:
        back = _rejoin(query_servers(servers), to=to, seeded_at=seeded_at)
        done = fail_over(servers, FailoverRequest(back, report=click.echo))
    _finish(context, done, wait=wait, no_backup=no_backup)


def _rejoin(overview: Overview, *, to: str, seeded_at: str) -> str:
    """Make the returning server follow the primary. Return its name."""
    primary, back = returning(fence_replaced(overview, click.echo), to=to)
    make_follow(primary, back, seeded_at=seeded_at)
    click.echo(f"{back.name} follows {primary.name} and has caught up")
    return back.name


def _tell(done: Switched) -> None:
    click.echo(f"writes were refused for {done.stopped_seconds:.2f} s of this")
    if done.lost is None:
        click.echo(
            f"lost: writes that {done.old} did not pass on; `maitred failover compare` lists them "
            "when it is back; with semi-sync on, no acknowledged write"
        )
    for missing in done.lost or ():
        click.echo(f"LOST: {missing} ({missing.count} transactions of {done.old})")
    if done.lost == ():
        click.echo("lost: nothing")


def _redirect_others(done: Switched) -> None:
    """Make every answering server without transactions of its own follow the new primary."""
    with all_servers() as servers:
        try:
            picture = query_servers(servers)
            primary = picture.named(done.primary)
            for other in picture.others(primary):
                if other.facts is not None:
                    make_follow(primary, other)
                    click.echo(f"{other.name} follows {primary.name}")
        except (FailoverRefused, DBAPIError) as problem:
            click.echo(f"could not be made to follow yet: {problem}", err=True)


def _finish(context: click.Context, done: Switched, *, wait: float, no_backup: bool) -> None:
    """Do everything after the switch; a failure here does not undo the switch."""
    began = clock.now()
    if done.promoted:
        _tell(done)
    _redirect_others(done)
    _report_failure("the record of the fail-over", lambda: record(done, began=began))
    if wait:
        signs = await_signs(seconds=wait)
        click.echo(_sign("the scheduler", signs.scheduler, wait))
        click.echo(_sign("the workers", signs.workers, wait))
    if no_backup:
        return
    if not settings().backup_store:
        click.echo("no backup was made: BACKUP_STORE is not set")
        return
    _report_failure("the full backup", lambda: context.invoke(create, full=True))


def _report_failure(what: str, work: Callable[[], object]) -> None:
    try:
        work()
    except (MaitredError, DBAPIError) as problem:
        click.echo(f"{what} failed: {problem}", err=True)


def _sign(process: str, after: float | None, waited: float) -> str:
    if after is None:
        return (
            f"{process}: not seen within {waited:g} s. Processes with both servers in "
            "DATABASE_URL find it by themselves; start the others there (Procfile)"
        )
    return f"{process}: connected after {after:.1f} s"


def _show(picture: Overview) -> bool:
    """Print the state of each server. Return whether a fail-over is possible."""
    table = Table("server", "", "follows", "behind", "semi-sync", "holds", box=None, pad_edge=False)
    for one in picture.seen:
        table.add_row(one.name, *_row(one))
    Console(width=_WIDTH).print(table)
    _show_rights(picture)
    primary = picture.primary
    if primary is None:
        click.echo("no server takes writes")
    well = [one for one in picture.seen if _is_following(one)]
    if not well:
        click.echo("no replica follows: no fail-over is possible")
    return bool(well)


def _show_rights(picture: Overview) -> None:
    answering = [one for one in picture.seen if one.facts]
    if any(one.facts and one.facts.epoch is None for one in answering):
        lacking = "the table of promotions cannot be read"
    elif not all(one.server.may_write_promotions() for one in answering):
        lacking = "a promotion cannot be recorded before the new primary takes writes"
    else:
        return
    click.echo(
        f"{lacking}: no migration was run yet, or the account of FAILOVER_URL lacks a right; as "
        f"root of the primary: {missing_right()} (docs/failover.md, 7)"
    )


def _is_following(one: Seen) -> bool:
    follows = one.facts.follows if one.facts else None
    return follows is not None and follows.applies and not follows.error


def _row(one: Seen) -> tuple[str, ...]:
    facts = one.facts
    if facts is None:
        return (one.reach, "", "", "", "")
    role = "takes writes" if one.takes_writes else "read-only"
    follows = facts.follows
    source = behind = ""
    if follows is not None:
        source = follows.source if follows.receives else f"{follows.source} (not connected)"
        behind = follows.error or f"{follows.behind_seconds or 0} s"
    held = ",".join(f"{domain}-{server}-{n}" for (domain, server), n in facts.written.items())
    semi_sync = ("on" if facts.semi_sync else "OFF") if one.takes_writes else ""
    return (role, source, behind, semi_sync, held)
