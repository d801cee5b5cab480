"""`maitred restaurant`: restaurants and their files."""

import sys
from collections.abc import Iterable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

import click
from sqlalchemy.orm import Session

from deploy.cli.errors import PlainGroup, Refused, Unusable
from deploy.cli.tables import print_table
from deploy.embedded.folder import join
from models.core import clock
from models.core.database.transactions import reading, unit
from models.core.errors import FileInvalid
from models.operations.floor.file import read_restaurant
from models.operations.floor.load import OPERATOR, Loaded, apply_file
from models.operations.floor.parties import Concern, PartiesHurt, by_part, in_words
from models.operations.floor.shapes import RestaurantFile
from models.operations.wall_times.reanchoring import Reanchored, accept_shown_times, nights_moved
from models.operations.wall_times.reanchoring import reanchor as reanchor_night
from models.queries.floor.export import export_restaurant
from models.queries.floor.load import restaurant_by_slug
from models.queries.running import directory
from models.rules.restaurant.restaurant import RestaurantSpec
from tasks.messaging.channels.gsm7 import beyond_gsm7

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(cls=PlainGroup)
def restaurant() -> None:
    """Restaurants and their files."""
    join()


@restaurant.command()
@click.argument("file", type=_FILE)
@click.option("--dry-run", is_flag=True, help="list affected reservations, change nothing")
@click.option(
    "--move", is_flag=True, help="move affected reservations where possible; list the rest"
)
def load(file: Path, *, dry_run: bool, move: bool) -> None:
    """Create or change a restaurant as FILE says. Loading the same file again changes nothing.

    Refused when a change conflicts with upcoming parties, unless --move. A --dry-run exits with 1
    when the load would be refused.
    """
    described = _read(file)

    def work(session: Session) -> tuple[Loaded, RestaurantSpec | None]:
        loaded = apply_file(session, described, now=clock.now(), move=move, dry_run=dry_run)
        named = loaded.concerns.hurt or loaded.concerns.agreed or loaded.concerns.known
        return loaded, restaurant_by_slug(session, described.slug) if named else None

    try:
        loaded, restaurant = unit(work)
    except PartiesHurt as hurt:
        raise Refused(_refusal(hurt)) from hurt
    shifts = len(described.shifts)
    seats = f"{described.covers} covers" if described.covers else f"{len(described.tables)} tables"
    would = "would be " if dry_run else ""
    click.echo(f"{described.slug}: {seats}, {shifts} shifts, {would}revision {loaded.revision}")
    for line in loaded.special_days:
        click.echo(line)
    dear = beyond_gsm7(described.name)
    if dear:
        click.echo(
            f"note: {dear} in the name makes each SMS Unicode: about three segments instead of one"
        )
    if restaurant is not None:
        _show(restaurant, loaded)
    sys.exit(1 if dry_run and loaded.concerns.hurt and not move else 0)


def _show(restaurant: RestaurantSpec, loaded: Loaded) -> None:
    concerns = loaded.concerns
    for heading, some in (
        ("affected by this file", concerns.hurt),
        ("stay as agreed, although the file changes the terms for new ones", concerns.agreed),
        ("already broke the rules before this change", concerns.known),
    ):
        if some:
            click.echo(f"{len(some)} {heading}:")
            for line in _lines(restaurant, some):
                click.echo(f"  {line}")


def _lines(restaurant: RestaurantSpec, concerns: Iterable[Concern]) -> Iterator[str]:
    for about, some in by_part(concerns).items():
        for each in some:
            words = each.outcome or "; ".join(objection.words for objection in each.objections)
            yield f"{about or 'reservation'}: {in_words(restaurant, each)}: {words}"


def _refusal(hurt: PartiesHurt) -> str:
    lines = [f"{problem.field}: {problem.message}" for problem in hurt.fields]
    count = len(hurt.concerns.hurt)
    lines.append(f"nothing was changed: {count} upcoming reservations would be affected")
    lines.append("--dry-run lists them all; --dry-run --move shows how each would be moved")
    return "\n".join(lines)


def _read(file: Path) -> RestaurantFile:
    try:
        return read_restaurant(file.read_text(encoding="utf-8-sig"))
    except FileInvalid as invalid:
        lines = [f"{file}: {problem}" for problem in invalid.fields]
        raise Unusable("\n".join(lines)) from invalid
    except (OSError, UnicodeDecodeError) as unreadable:
        raise Unusable(f"{file}: {unreadable}") from unreadable


@restaurant.command()
@click.argument("slug")
def export(slug: str) -> None:
    """Print the current file of a restaurant."""
    with reading() as session:
        click.echo(export_restaurant(session, slug), nl=False)


@restaurant.command()
@click.argument("slug")
@click.option("--dry-run", is_flag=True, help="list the new times, change nothing")
@click.option("--keep", is_flag=True, help="the guests left unchanged know the displayed time")
def reanchor(slug: str, *, dry_run: bool, keep: bool) -> None:
    """Restore the announced wall time of parties shifted by new time-zone rules.

    A party keeps its table if it is free then, and otherwise gets another. No guest is notified.
    Exits with 1 when some parties are left unchanged; they are listed. Call those guests, then run
    it with --keep: from then on the displayed time counts as announced.
    """
    with reading() as session:
        restaurant = restaurant_by_slug(session, slug)
        nights = nights_moved(session, restaurant, now=clock.now())

    def bring_back(session: Session, night: date) -> list[Reanchored]:
        now = clock.now()
        return reanchor_night(
            session, restaurant.id, night, now=now, actor=OPERATOR, dry_run=dry_run
        )

    found = [each for night in nights for each in unit(partial(bring_back, night=night))]
    left = [each for each in found if each.why]
    for each in found:
        click.echo(_reanchored(restaurant, each))
    would = "would be " if dry_run else ""
    click.echo(f"{slug}: {len(found) - len(left)} {would}re-anchored, {len(left)} left as they are")
    if not keep or dry_run:
        sys.exit(1 if left else 0)

    def keep_night(session: Session, night: date) -> int:
        return accept_shown_times(session, restaurant.id, night, now=clock.now())

    kept = sum(unit(partial(keep_night, night=night)) for night in nights)
    click.echo(f"{slug}: {kept} keep the displayed time")


def _reanchored(restaurant: RestaurantSpec, each: Reanchored) -> str:
    party = each.who.party
    what = f"{each.who.reference} (party of {party.party_size}, {party.status.value})"
    times = f"{each.told:%Y-%m-%d}: announced {each.told:%H:%M}, shown {each.shown:%H:%M}"
    if each.why:
        return f"{what} {times}; stays: {each.why}"
    labels = " + ".join(restaurant.table_by_id[number].label for number in each.seats)
    return f"{what} {times}; moved to {each.told:%H:%M}{f', at table {labels}' * bool(labels)}"


@restaurant.command("list")
def list_restaurants() -> None:
    """Print all restaurants."""
    with reading() as session:
        lines = directory.restaurants(session)
    rows = [(row.slug, row.name, row.zone, row.tables, row.revision) for row in lines]
    print_table(("slug", "name", "zone", "tables", "revision"), rows)
