"""The steps of a release, each of which may be repeated."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from deploy.release import front
from deploy.release.context import ReleaseContext
from deploy.release.errors import ReleaseFailed
from deploy.release.place import SHARES, NoAnswer
from deploy.release.slots import SlotProcesses, run_in
from deploy.release.units import renew_flower
from deploy.release.watch import POLL_SECONDS, ReleaseWatch
from deploy.smoke import NOBODY, SmokeTestFailed, try_out
from models import migrations
from models.core import clock
from models.core.database.transactions import engine, reading, unit
from models.core.redis import signals
from models.core.settings import settings
from models.operations.floor.file import read_restaurant
from models.operations.floor.load import load_restaurant

#: Free disk space required for a version and its migrations.
FREE_MB: Final = 200
#: The restaurant at which each release makes a test reservation; its name is not public.
TEST_RESTAURANT: Final = Path(__file__).with_name("release-test.toml")


def preflight(context: ReleaseContext) -> None:
    """Check everything that can be checked before any change. Raises ReleaseFailed."""
    for name in ("Procfile", "web", "deploy/release/keeper.py"):
        if not (context.folder / name).exists():
            raise ReleaseFailed(f"{context.folder} is not a version: {name} is missing")
    free = shutil.disk_usage(context.place.state).free >> 20
    if free < FREE_MB:
        raise ReleaseFailed(f"{context.place.state} has {free} MB free; {FREE_MB} MB are required")
    run_in(
        context.folder, "-c", "from models.core.settings import settings; settings()", seconds=60
    )
    try:
        with reading() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        raise ReleaseFailed(f"the database does not answer: {type(error).__name__}") from error
    if not signals.is_up():
        raise ReleaseFailed("Redis does not answer")
    if front.is_asked():
        front.check_there()


def back_up(context: ReleaseContext) -> None:
    """Back up, if backups are configured and the database is not empty. Raises ReleaseFailed."""
    if not settings().backup_store:
        return
    if migrations.current(engine()) is None:
        context.say("      the database is empty: nothing to back up")
    else:
        # the former spelling of `backup create`: the folder may hold a version that knows no other
        run_in(context.folder, "-m", "deploy.cli", "backup", seconds=3600)


def migrate(context: ReleaseContext) -> None:
    """Run the new version's migrations. They only add, so the old version keeps working.

    Raises ReleaseFailed.
    """
    run_in(context.folder, "-m", "deploy.database")


def start(context: ReleaseContext) -> None:
    """Start the new version's processes next to the old one's. Raises ReleaseFailed."""
    processes = SlotProcesses(context.place, context.new)
    processes.start(context.folder)
    processes.await_ready()


def smoke_test(context: ReleaseContext) -> None:
    """Make a test reservation at TEST_RESTAURANT, bypassing nginx. Raises ReleaseFailed."""
    restaurant = read_restaurant(TEST_RESTAURANT.read_text(encoding="utf-8"))
    unit(lambda session: load_restaurant(session, restaurant, now=clock.now()))
    # to our own address, so that no one else gets mail, unless it lacks a domain and is invalid
    own = parseaddr(settings().mail_from)[1]
    email = own if "." in own.partition("@")[2] else NOBODY
    try:
        with context.place.client(context.new) as client:
            context.say(f"      {try_out(client, restaurant.slug, email=email)}")
    except (SmokeTestFailed, NoAnswer) as problem:
        raise ReleaseFailed(f"the test reservation failed: {problem}") from problem


def switch(context: ReleaseContext) -> None:
    """Move the callers by the release's strategy, watching each step. Raises ReleaseFailed."""
    if context.old is not None:  # resumed: a canary starts small again
        context.place.route(SHARES, context.old)
    watch = ReleaseWatch(context)
    if context.release.strategy == "blue-green" or context.old is None:
        context.place.route(SHARES, context.new)
        check_nginx(context)  # fail early, not after the whole watch
        watch.run("all traffic", settings().release_watch_seconds)
        watch.check_reached()
        return
    # rolling checks each share only briefly; a canary is watched
    is_canary = context.release.strategy == "canary"
    seconds = settings().release_watch_seconds if is_canary else POLL_SECONDS
    for share in SHARES:
        context.place.route((share,), context.new)
        watch.run(f"{share}% of the traffic", seconds)
    watch.check_reached()


def check_nginx(context: ReleaseContext) -> None:
    """Check through nginx that the new version answers guests. Raises ReleaseFailed."""
    if front.is_asked():
        front.check_leads_to(context.place, context.new)


def link_live(context: ReleaseContext) -> None:
    """Set the link by which commands and Flower find the live version. Raises ReleaseFailed."""
    context.place.name("live", context.folder)
    if settings().release_by == "systemd":
        renew_flower()


def stop_old(context: ReleaseContext) -> None:
    """End the old version after its answers and tasks. Raises ReleaseFailed."""
    if context.old is None:
        return
    if not context.place.drain(context.old):
        context.say(f"      {context.old} still has connections; it answers them while it stops")
    SlotProcesses(context.place, context.old).stop()


def roll_back(context: ReleaseContext) -> None:
    """Move all callers to the old version, and end the new one's processes."""
    if context.old is not None:
        context.place.route(SHARES, context.old)
        context.place.drain(context.new)
    SlotProcesses(context.place, context.new).stop()


@dataclass(frozen=True, slots=True)
class ReleaseStep:
    """A step: its journal name, its description, and whether its failure rolls the release back."""

    name: str
    description: str
    do: Callable[[ReleaseContext], None]
    rolls_back: bool = True


STEPS: Final = (
    ReleaseStep("check", "preflight checks", preflight),
    ReleaseStep("backup", "back up", back_up),
    ReleaseStep("migrate", "run additive migrations", migrate),
    ReleaseStep("start", "start the new version", start),
    ReleaseStep("smoke", "make a test reservation", smoke_test),
    ReleaseStep("switch", "switch traffic", switch),
    ReleaseStep("check-nginx", "check through nginx", check_nginx),
    # the new version serves from here on: a failure is reported, but not rolled back
    ReleaseStep("live", "update the live link, restart Flower", link_live, rolls_back=False),
    ReleaseStep("stop-old", "stop the old version", stop_old, rolls_back=False),
)
#: A version that ran here before needs neither a backup nor migrations.
ROLLBACK_STEPS: Final = tuple(step for step in STEPS if step.name not in ("backup", "migrate"))
