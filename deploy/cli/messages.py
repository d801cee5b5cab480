"""`maitred messages`: list permanently failed messages with the reason, and send them again."""

import re
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import click
from sqlalchemy.orm import Session

from deploy.cli.errors import PlainGroup, Unusable
from deploy.cli.tables import print_table
from deploy.embedded.folder import join
from models.core import clock
from models.core.database.transactions import reading, unit
from models.operations.messages.resending import send_again, send_all_again
from models.queries.floor.load import restaurant_by_slug
from models.queries.messages.failed import failed_messages

OPERATOR: Final = "operator"
#: Messages queued again in one transaction.
_AT_ONCE: Final = 200
_AGO: Final = re.compile(r"(\d{1,4})([mhd])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_WHERE = click.option("--restaurant", "slug", help="only at this restaurant; default: everywhere")


@click.group(cls=PlainGroup)
def messages() -> None:
    """Messages that were not sent."""
    join()


@messages.command("list")
@click.option(
    "--failed", is_flag=True, help="messages that failed permanently (required; the only choice)"
)
@_WHERE
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
def show(failed: bool, slug: str | None, limit: int) -> None:
    """Show failed messages, the newest first, with the reason."""
    if not failed:
        raise Unusable("give --failed")
    with reading() as session:
        found = failed_messages(session, restaurant_id=_restaurant(session, slug), limit=limit)
    heads = (
        "id",
        "restaurant",
        "reservation",
        "kind",
        "channel",
        "attempts",
        "due (UTC)",
        "reason",
    )
    rows = [
        (
            each.id,
            each.slug,
            each.reference,
            each.kind,
            each.channel,
            each.attempts,
            f"{each.last_due_at:%Y-%m-%d %H:%M}",
            each.reason,
        )
        for each in found
    ]
    print_table(heads, rows)


@messages.command()
@click.argument("number", metavar="ID", type=click.IntRange(min=1), required=False)
@click.option(
    "--since", help="all that failed since then: 8h, 2d, or a time such as 2026-11-27T12:00Z"
)
@_WHERE
def retry(number: int | None, since: str | None, slug: str | None) -> None:
    """Send failed messages again: the one with this ID, or all since then that are still true."""
    if (number is None) == (since is None):
        raise Unusable("give an ID or --since")
    if number is not None:
        unit(partial(send_again, message_id=number, now=clock.now(), actor=OPERATOR))
        click.echo("queued: 1")
    else:
        queued, void = _retry_all(_moment(since or ""), slug)
        click.echo(f"queued: {queued}, no longer true: {void}")


def _retry_all(since: datetime, slug: str | None) -> tuple[int, int]:
    queued = void = last = 0
    with reading() as session:
        restaurant = _restaurant(session, slug)
    while True:
        work = partial(send_all_again, since=since, restaurant_id=restaurant, after=last)
        done = unit(partial(work, limit=_AT_ONCE, now=clock.now(), actor=OPERATOR))
        queued, void, last = queued + len(done.queued), void + len(done.void), done.last
        if done.is_all:
            return queued, void


def _moment(text: str) -> datetime:
    """Parse `8h` before now, or a time with its offset. Raises Unusable."""
    ago = _AGO.fullmatch(text)
    if ago:
        return clock.now() - timedelta(**{_UNITS[ago.group(2)]: int(ago.group(1))})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise Unusable(f"--since: {text} is neither a time nor like 8h, 30m or 2d") from wrong
    if moment.tzinfo is None:
        raise Unusable("--since: a time needs its offset, such as Z or +02:00")
    return moment


def _restaurant(session: Session, slug: str | None) -> int | None:
    return None if slug is None else restaurant_by_slug(session, slug).id
