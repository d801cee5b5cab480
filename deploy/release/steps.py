"""The steps of a release, each of which may be repeated."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from deploy.release import front
from deploy.release.errors import ReleaseFailed
from deploy.release.journal import Journal, Release
from deploy.release.place import SHARES, NoAnswer, Place, Slot
from deploy.release.slots import SlotProcesses, run_in
from deploy.release.units import renew_flower
from deploy.release.watch import ENOUGH, Counts, more_errors, safe_counts, slower
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
#: Seconds between two checks of both versions.
POLL_SECONDS: Final = 1.0
#: A version that does not answer this many checks in a row counts as gone.
MAX_UNANSWERED: Final = 3
#: A version is slow just after its start; it counts as slow after this many slow checks in a row.
SLOW_POLLS: Final = 3
#: While slowness is suspected, the watch is extended by up to this many seconds.
DOUBT_SECONDS: Final = 10.0
#: A canary's share with too few answers for a verdict is watched up to this many times as long.
FEW_TIMES: Final = 5
#: Seconds over which the old version is measured beforehand, as the baseline for the new one.
BASE_SECONDS: Final = 3.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Scene:
    """Context of a step. `old` is the slot that serves now; None at the first release."""

    place: Place
    journal: Journal
    release: Release
    old: Slot | None
    say: Say

    @property
    def new(self) -> Slot:
        """The slot of the new version."""
        return self.release.slot

    @property
    def folder(self) -> Path:
        """The folder of the new version."""
        return Path(self.release.folder)


def preflight(scene: Scene) -> None:
    """Check everything that can be checked before any change. Raises ReleaseFailed."""
    for name in ("Procfile", "web", "deploy/release/keeper.py"):
        if not (scene.folder / name).exists():
            raise ReleaseFailed(f"{scene.folder} is not a version: {name} is missing")
    free = shutil.disk_usage(scene.place.state).free >> 20
    if free < FREE_MB:
        raise ReleaseFailed(f"{scene.place.state} has {free} MB free; {FREE_MB} MB are required")
    run_in(scene.folder, "-c", "from models.core.settings import settings; settings()", seconds=60)
    try:
        with reading() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        raise ReleaseFailed(f"the database does not answer: {type(error).__name__}") from error
    if not signals.is_up():
        raise ReleaseFailed("Redis does not answer")
    if front.is_asked():
        front.check_there()


def back_up(scene: Scene) -> None:
    """Back up, if backups are configured and the database is not empty. Raises ReleaseFailed."""
    if not settings().backup_store:
        return
    if migrations.current(engine()) is None:
        scene.say("      the database is empty: nothing to back up")
    else:
        # the former spelling of `backup create`: the folder may hold a version that knows no other
        run_in(scene.folder, "-m", "deploy.cli", "backup", seconds=3600)


def migrate(scene: Scene) -> None:
    """Run the new version's migrations. They only add, so the old version keeps working.

    Raises ReleaseFailed.
    """
    run_in(scene.folder, "-m", "deploy.database")


def start(scene: Scene) -> None:
    """Start the new version's processes next to the old one's. Raises ReleaseFailed."""
    processes = SlotProcesses(scene.place, scene.new)
    processes.start(scene.folder)
    processes.await_ready()


def smoke_test(scene: Scene) -> None:
    """Make a test reservation at TEST_RESTAURANT, bypassing nginx. Raises ReleaseFailed."""
    restaurant = read_restaurant(TEST_RESTAURANT.read_text(encoding="utf-8"))
    unit(lambda session: load_restaurant(session, restaurant, now=clock.now()))
    # to our own address, so that no one else gets mail, unless it lacks a domain and is invalid
    own = parseaddr(settings().mail_from)[1]
    email = own if "." in own.partition("@")[2] else NOBODY
    try:
        with scene.place.client(scene.new) as client:
            scene.say(f"      {try_out(client, restaurant.slug, email=email)}")
    except (SmokeTestFailed, NoAnswer) as problem:
        raise ReleaseFailed(f"the test reservation failed: {problem}") from problem


def turn(scene: Scene) -> None:
    """Move the callers by the release's strategy, watching each step. Raises ReleaseFailed."""
    if scene.old is not None:  # resumed: a canary starts small again
        scene.place.turn(SHARES, scene.old)
    watch = ReleaseWatch(scene)
    if scene.release.strategy == "blue-green" or scene.old is None:
        scene.place.turn(SHARES, scene.new)
        check_front(scene)  # fail early, not after the whole watch
        watch.run("all traffic", settings().release_watch_seconds)
        watch.check_reached()
        return
    # rolling checks each share only briefly; a canary is watched
    is_canary = scene.release.strategy == "canary"
    seconds = settings().release_watch_seconds if is_canary else POLL_SECONDS
    for share in SHARES:
        scene.place.turn((share,), scene.new)
        watch.run(f"{share}% of the traffic", seconds)
    watch.check_reached()


class ReleaseWatch:
    """Comparison of both versions, begun before the first caller is moved."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._unanswered = self._slow = 0
        self._now = Counts()
        self._base = self._old_alone()
        self._new_before = self._new_last = safe_counts(scene.place, scene.new) or Counts()
        self._old_last = self._old_counts()

    def run(self, what: str, seconds: float) -> None:
        """Watch for that long.

        Raises ReleaseFailed as soon as the new version does worse than the old.
        """
        ends = monotonic() + seconds
        while True:
            found = safe_counts(self._scene.place, self._scene.new)
            self._unanswered = 0 if found else self._unanswered + 1
            if self._unanswered >= MAX_UNANSWERED:
                raise ReleaseFailed("the web process no longer answers")
            SlotProcesses(self._scene.place, self._scene.new).check_exits()
            if found and (wrong := self._judge(found)):
                raise ReleaseFailed(f"with {what}: {wrong}")
            left = ends - monotonic()
            if left <= 0 and left <= -self._more_seconds(seconds):
                break
            sleep(min(POLL_SECONDS, max(0.05, left)) if left > 0 else POLL_SECONDS)
        self._scene.say(f"      {what}: {self._now}; the old version: {self._base}")

    def _more_seconds(self, seconds: float) -> float:
        """Return how much longer to watch: no verdict yet, or slowness that may pass."""
        if self._slow:
            return DOUBT_SECONDS
        # without callers there is nothing to wait for; rolling does not judge each share by itself
        is_awaited = self._base.answers >= ENOUGH and self._scene.release.strategy == "canary"
        has_few = self._now.answers < ENOUGH
        return (FEW_TIMES - 1) * seconds if is_awaited and has_few else 0.0

    def _judge(self, found: Counts) -> str:
        """Return the new version's fault so far.

        Errors count immediately, slowness if it persists.
        """
        self._now = found.since(self._new_before)
        if wrong := more_errors(self._now, self._base):
            return wrong
        part = found.since(self._new_last)
        if part.answers < ENOUGH or self._base.answers < ENOUGH:
            return ""
        wrong = slower(part, self._old_beside())
        self._new_last = found
        self._slow = self._slow + 1 if wrong else 0
        return wrong if self._slow >= SLOW_POLLS else ""

    def _old_beside(self) -> Counts:
        """Return the old version's current counts if it has callers and slowed down, else its
        baseline.
        """
        now = self._old_counts()
        part, self._old_last = now.since(self._old_last), now
        return part if part.answers >= ENOUGH and part.p95 > self._base.p95 else self._base

    def _old_counts(self) -> Counts:
        old = self._scene.old
        return (safe_counts(self._scene.place, old) if old else None) or Counts()

    def check_reached(self) -> None:
        """Raise ReleaseFailed when the old version had callers and the new one has had none."""
        if self._base.answers >= ENOUGH and not self._now.answers:
            raise ReleaseFailed(
                f"no request arrived: does nginx follow the links in {self._scene.place.sockets}?"
            )

    def _old_alone(self) -> Counts:
        """Measure the old version while it serves alone."""
        scene = self._scene
        before = safe_counts(scene.place, scene.old) if scene.old else None
        if scene.old is None or before is None:
            return Counts()
        sleep(BASE_SECONDS)
        after = safe_counts(scene.place, scene.old)
        return after.since(before) if after else Counts()


def check_front(scene: Scene) -> None:
    """Check through nginx that the new version answers guests. Raises ReleaseFailed."""
    if front.is_asked():
        front.check_leads_to(scene.place, scene.new)


def link_live(scene: Scene) -> None:
    """Set the link by which commands and Flower find the live version. Raises ReleaseFailed."""
    scene.place.name("live", scene.folder)
    if settings().release_by == "systemd":
        renew_flower()


def stop_old(scene: Scene) -> None:
    """End the old version after its answers and tasks. Raises ReleaseFailed."""
    if scene.old is None:
        return
    if not scene.place.drain(scene.old):
        scene.say(f"      {scene.old} still has connections; it answers them while it stops")
    SlotProcesses(scene.place, scene.old).stop()


def roll_back(scene: Scene) -> None:
    """Move all callers to the old version, and end the new one's processes."""
    if scene.old is not None:
        scene.place.turn(SHARES, scene.old)
        scene.place.drain(scene.new)
    SlotProcesses(scene.place, scene.new).stop()


@dataclass(frozen=True, slots=True)
class ReleaseStep:
    """A step: its journal name, its description, and whether its failure rolls the release back."""

    name: str
    description: str
    do: Callable[[Scene], None]
    rolls_back: bool = True


STEPS: Final = (
    ReleaseStep("look", "preflight checks", preflight),
    ReleaseStep("backup", "back up", back_up),
    ReleaseStep("migrate", "run additive migrations", migrate),
    ReleaseStep("start", "start the new version", start),
    ReleaseStep("smoke", "make a test reservation", smoke_test),
    ReleaseStep("turn", "switch traffic", turn),
    ReleaseStep("front", "check through nginx", check_front),
    # the new version serves from here on: a failure is reported, but not rolled back
    ReleaseStep("live", "update the live link, restart Flower", link_live, rolls_back=False),
    ReleaseStep("end-old", "stop the old version", stop_old, rolls_back=False),
)
#: A version that ran here before needs neither a backup nor migrations.
ROLLBACK_STEPS: Final = tuple(step for step in STEPS if step.name not in ("backup", "migrate"))
