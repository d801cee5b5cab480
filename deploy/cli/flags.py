"""`maitred flags`: feature flags, per installation or restaurant, and their history."""

from functools import partial

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from deploy.cli.errors import PlainGroup
from deploy.embedded.folder import join
from models.core import clock
from models.core.database.transactions import reading, unit
from models.operations.running.flags import clear_flag, set_flag
from models.queries.floor.load import restaurant_by_slug
from models.queries.running import directory
from models.queries.running.flags import changes, switches
from models.rules.flags import ALL, EVERYWHERE, WHILE_OFF, Flag

OPERATOR = "operator"
_WIDTH = 140
_NAME = click.argument("name", type=click.Choice([flag.value for flag in Flag]))
_WHERE = click.option("--restaurant", "slug", help="only at this restaurant; default: everywhere")


@click.group(cls=PlainGroup)
def flags() -> None:
    """Feature flags. Every process sees a change within two seconds."""
    join()


@flags.command("list")
def show() -> None:
    """Show each flag and its switches."""
    with reading() as session:
        set_ones, names = switches(session), _names(session)
        session.expunge_all()
    table = Table("flag", "where", "on for", "by", "while off", box=None, pad_edge=False)
    for flag in Flag:
        own = [row for row in set_ones if row.flag == flag]
        if not any(row.restaurant_id == EVERYWHERE for row in own):
            table.add_row(flag, "everywhere", "all", "", WHILE_OFF[flag])
        for row in own:
            share = "nobody (killed)" if row.is_killed else f"{row.percent}%"
            where = names.get(row.restaurant_id, str(row.restaurant_id))
            table.add_row(flag, where, share, row.changed_by, WHILE_OFF[flag])
    Console(width=_WIDTH).print(table)


@flags.command("set")
@_NAME
@click.option(
    "--percent",
    type=click.IntRange(0, ALL),
    default=ALL,
    show_default=True,
    help="share of the reservations",
)
@_WHERE
def set_(name: str, percent: int, slug: str | None) -> None:
    """Switch NAME on for a share of the reservations; the same ones stay in as it grows."""
    _set(name, slug, percent=percent, is_killed=False)
    click.echo(f"{name}: on for {percent}% {_place(slug)}")


@flags.command()
@_NAME
@_WHERE
def kill(name: str, slug: str | None) -> None:
    """Switch NAME off for all, regardless of percentages, until `set` or `clear`."""
    _set(name, slug, percent=0, is_killed=True)
    click.echo(f"{name}: off {_place(slug)}")


@flags.command()
@_NAME
@_WHERE
def clear(name: str, slug: str | None) -> None:
    """Remove a switch of NAME."""
    now = clock.now()

    def work(session: Session) -> bool:
        return clear_flag(
            session, name, restaurant_id=_restaurant(session, slug), now=now, actor=OPERATOR
        )

    click.echo(f"{name}: {'cleared' if unit(work) else 'was not set'} {_place(slug)}")


@flags.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def history(limit: int) -> None:
    """List the changes, with author and time, the newest first."""
    with reading() as session:
        latest, names = changes(session, limit=limit), _names(session)
        session.expunge_all()
    table = Table("at (UTC)", "flag", "where", "", "by", box=None, pad_edge=False)
    for row in latest:
        what = "cleared" if row.percent is None else f"on for {row.percent}%"
        where = names.get(row.restaurant_id, str(row.restaurant_id))
        at = f"{row.at:%Y-%m-%d %H:%M:%S}"
        table.add_row(at, row.flag, where, "killed" if row.is_killed else what, row.actor)
    Console(width=_WIDTH).print(table)


def _set(name: str, slug: str | None, *, percent: int, is_killed: bool) -> None:
    def work(session: Session) -> None:
        switch = partial(set_flag, session, name, percent=percent, is_killed=is_killed)
        switch(restaurant_id=_restaurant(session, slug), now=clock.now(), actor=OPERATOR)

    unit(work)


def _restaurant(session: Session, slug: str | None) -> int:
    return EVERYWHERE if slug is None else restaurant_by_slug(session, slug).id


def _names(session: Session) -> dict[int, str]:
    return {EVERYWHERE: "everywhere"} | directory.slugs(session)


def _place(slug: str | None) -> str:
    return f"at {slug}" if slug else "everywhere"
