"""The `maitred` command: run, configure, check and try out an installation."""

import sys
from pathlib import Path

import click

from deploy.cli.accounts import account
from deploy.cli.check import show_check
from deploy.cli.flags import flags
from deploy.cli.guest import guest
from deploy.cli.health import health
from deploy.cli.keys import keys
from deploy.cli.messages import messages
from deploy.cli.recovery.backups import backup, follow
from deploy.cli.recovery.failover import failover
from deploy.cli.release import release
from deploy.cli.restaurant import restaurant
from deploy.cli.spellings import MainGroup
from deploy.cli.workers import workers
from deploy.database import main as migrate_database
from deploy.demo.demo import DemoPlan, play_evening, play_stand
from deploy.embedded.folder import VAR, join
from deploy.embedded.up import up as run_up
from deploy.env_file import join_env_file
from models.core.database.connections import patience

#: Long-running commands: an unresponsive database must not block them for long.
_SERVING = ("up", "follow")


@click.group(cls=MainGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="maitred", prog_name="maitred")
@click.pass_context
def main(context: click.Context) -> None:
    """The back end that runs a restaurant's book.

    Settings come from the environment, and from the file `.env` in this folder. In a folder where
    `maitred up` runs an installation, the other commands use it automatically.
    """
    if context.invoked_subcommand != "up":
        join_env_file()
    if context.invoked_subcommand not in _SERVING:
        context.with_resource(patience())


# a group for each noun; its commands are verbs
for noun in (account, backup, failover, flags, guest, keys, messages, release, restaurant, workers):
    main.add_command(noun)
# what belongs to no noun: checks, and the processes of an installation, which a file of another
# version may start (docker-compose.yml, with the image of before)
for command in (health, follow):
    main.add_command(command)


@main.command()
@click.option("--var", "folder", type=click.Path(path_type=Path), default=VAR, show_default=True)
def up(folder: Path) -> None:
    """Run Maitred in the foreground; Ctrl-C stops it."""
    sys.exit(run_up(folder))


@main.command()
def migrate() -> None:
    """Migrate the database of DATABASE_URL to this release."""
    join()
    migrate_database()


# --- check


@main.command()
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="seconds that pending work may be old",
)
@click.option("--json", "as_json", is_flag=True, help="print one JSON document")
def check(grace: float, as_json: bool) -> None:
    """Check the database: no table taken twice, pacing kept, every decision made and sent once.

    Pending work may be up to GRACE seconds old. Exits with 1, and names the rows, when something is
    wrong; with 3 when there is no database to check.
    """
    join()
    sys.exit(0 if show_check(grace_seconds=grace, as_json=as_json) else 1)


@main.command()
@click.option("--url", default="", help="the running installation; PUBLIC_URL by default")
@click.option(
    "--guests",
    type=click.IntRange(1, 5_000),
    default=300,
    show_default=True,
    help="number of guests",
)
@click.option(
    "--at-once",
    type=click.IntRange(1, 500),
    default=50,
    show_default=True,
    help="concurrent requests",
)
@click.option(
    "--seed", type=int, default=7, show_default=True, help="the same seed gives the same guests"
)
@click.option(
    "--stand/--no-stand", default=True, show_default=True, help="play the evening at the stand, too"
)
def demo(url: str, guests: int, at_once: int, seed: int, stand: bool) -> None:
    """Play against the running installation, and check it: a rush of guests for a Friday, then
    an evening at the host stand.
    """
    join()
    plan = DemoPlan(guests=guests, at_once=at_once, seed=seed)
    is_well = play_evening(plan, url=url)
    if stand:
        is_well &= play_stand(url=url)
    sys.exit(0 if is_well else 1)
