"""`maitred guest`: export, erase and re-erase the data of one guest."""

from functools import partial
from pathlib import Path
from typing import Any

import click
import orjson
from sqlalchemy.orm import Session

from deploy.cli.errors import PlainGroup, Refused, Unusable
from deploy.embedded.folder import join
from models.core import clock
from models.core.contacts import lookup_contact
from models.core.database.transactions import unit
from models.operations.guests.erasures import ErasureLine, read_erasures
from models.operations.guests.privacy import Erased, erase_guest, give_out, replay_erasure
from models.queries.floor.load import restaurant_by_slug
from models.rules.restaurant.restaurant import RestaurantSpec
from tasks.jobs.retention import replay_retention

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OPERATOR = "operator"


@click.group(cls=PlainGroup)
def guest() -> None:
    """The data of one guest."""
    join()


@guest.command()
@click.argument("contact")
@click.option("--restaurant", "slug", help="only at this restaurant; default: at every restaurant")
def export(contact: str, slug: str | None) -> None:
    """Print everything about the guest with this e-mail address or phone number, as JSON."""

    def work(session: Session) -> dict[str, Any]:
        restaurant = _restaurant(session, slug)
        return give_out(
            session,
            _normal(contact, restaurant),
            restaurant_id=restaurant.id if restaurant else None,
            now=clock.now(),
            actor=OPERATOR,
        )

    found = unit(work)
    click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))


@guest.command()
@click.argument("contact")
@click.option("--restaurant", "slug", help="only at this restaurant; default: at every restaurant")
@click.option(
    "--cancel",
    is_flag=True,
    help="cancel reservations that have not ended, without notifying the guest",
)
def erase(contact: str, slug: str | None, cancel: bool) -> None:
    """Erase the guest with this e-mail address or phone number; statistics stay.

    Refused while a reservation has not ended, unless --cancel.
    """

    def work(session: Session) -> Erased:
        restaurant = _restaurant(session, slug)
        return erase_guest(
            session,
            _normal(contact, restaurant),
            restaurant_id=restaurant.id if restaurant else None,
            cancel=cancel,
            now=clock.now(),
            actor=OPERATOR,
        )

    done = unit(work)
    lines = [f"erased from {len(done.references)} reservations", *done.references]
    click.echo("\n  ".join(lines))
    if done.consents:
        click.echo(f"and {done.consents} consents")


@guest.command()
@click.argument("file", type=_FILE)
def replay(file: Path) -> None:
    """After a restore: repeat the erasures in FILE, a copy of ERASURES_FILE.

    An unreadable line is reported and skipped; the command then exits with 1 after all others are
    done.
    """
    read = read_erasures(file)
    count = 0
    for line in read.lines:
        if isinstance(line, ErasureLine):
            count += unit(partial(replay_erasure, line=line, now=clock.now()))
        else:
            count += replay_retention(line, now=clock.now())
    click.echo(f"{len(read.lines)} erasures: {count} reservations erased again")
    if read.torn:
        raise Refused(
            "\n".join(f"{file}: line {number} cannot be read; skipped" for number in read.torn)
        )


def _restaurant(session: Session, slug: str | None) -> RestaurantSpec | None:
    return None if slug is None else restaurant_by_slug(session, slug)


def _normal(contact: str, restaurant: RestaurantSpec | None) -> str:
    """Return the contact in its stored form.

    Without a restaurant, a number needs a country code.
    """
    try:
        return lookup_contact(contact, restaurant.phone if restaurant else "")
    except ValueError as wrong:
        raise Unusable(f"CONTACT {wrong}") from wrong
