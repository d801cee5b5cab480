"""`maitred workers list`: which workers answer, and what each is doing."""

import sys

import click
from kombu.exceptions import OperationalError

from deploy.cli.errors import PlainGroup
from deploy.embedded.folder import join
from tasks.at_work import workers_at_work


@click.group(cls=PlainGroup)
def workers() -> None:
    """Worker processes, which do the tasks of the queues."""


@workers.command("list")
@click.option("--wait", default=5.0, show_default=True, help="seconds for them to answer")
def list_workers(wait: float) -> None:
    """List the workers that answer, and what each is doing.

    A worker may answer only after its current task. One that is missing here for minutes is stuck
    or not running. Exits with 1 when none answers.
    """
    join()
    try:
        found = workers_at_work(seconds=wait)
    except OperationalError as gone:
        click.echo(f"Redis does not answer: {type(gone.__cause__ or gone).__name__}")
        sys.exit(1)
    for name, begun in sorted(found.items()):
        click.echo(f"{name}: {'' if begun else 'idle'}")
        for one in begun:
            click.echo(f"  {one.task} {one.arguments} for {one.seconds:.0f} s")
    if not found:
        click.echo(f"no worker answered within {wait:g} s: all are busy, or none is running")
        sys.exit(1)
