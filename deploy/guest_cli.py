"""`maitred guest`: what the house holds of one guest, given out, erased, erased again."""

from pathlib import Path

import click
import orjson
from sqlalchemy.orm import Session

from deploy.embedded import join
from deploy.plain import PlainGroup, Unusable
from models.core import clock
from models.core.db import reading, unit
from models.core.errors import Invalid
from models.operations.privacy import erase_guest, read_erasures, replay_erasures
from models.queries.floor import house_by_slug
from models.queries.privacy import export_guest

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OPERATOR = "operator"


@click.group(cls=PlainGroup)
def guest() -> None:
    """What the house holds of one guest."""
    join()


@guest.command()
@click.argument("contact")
@click.option("--restaurant", "slug", help="only there; without it at every restaurant")
def export(contact: str, slug: str | None) -> None:
    """Print everything about the guest with this e-mail address or phone number, as JSON."""
    with reading() as session:
        found = export_guest(session, contact, restaurant_id=_house(session, slug))
    click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))


@guest.command()
@click.argument("contact")
@click.option("--restaurant", "slug", help="only there; without it at every restaurant")
@click.option("--cancel", is_flag=True, help="cancel what has not ended, without telling the guest")
def erase(contact: str, slug: str | None, cancel: bool) -> None:
    """Forget the guest with this e-mail address or phone number; statistics stay.

    Refused while a reservation has not ended, unless --cancel.
    """

    def work(session: Session) -> list[str]:
        return erase_guest(
            session,
            contact,
            restaurant_id=_house(session, slug),
            cancel=cancel,
            now=clock.now(),
            actor=OPERATOR,
        )

    erased = unit(work)
    click.echo(f"erased from {len(erased)} reservations" + "".join(f"\n  {ref}" for ref in erased))


@guest.command()
@click.argument("file", type=_FILE)
def replay(file: Path) -> None:
    """After a restore: erase again whom FILE (a copy of ERASURES_FILE) says was erased."""
    try:
        lines = read_erasures(file)
    except Invalid as invalid:
        raise Unusable(f"{file}: {invalid}") from invalid
    count = unit(lambda session: replay_erasures(session, lines, now=clock.now()))
    click.echo(f"{len(lines)} erasures: {count} reservations erased again")


def _house(session: Session, slug: str | None) -> int | None:
    return None if slug is None else house_by_slug(session, slug).id
