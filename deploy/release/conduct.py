"""Run a release from its first step to its last, resume it, or roll it back."""

from collections.abc import Sequence
from pathlib import Path
from time import monotonic, time
from typing import Final

from deploy.release.context import ReleaseContext, Say
from deploy.release.errors import ReleaseFailed
from deploy.release.journal import Journal, Release, ReleaseRefused
from deploy.release.place import SHARES, Place, Slot, other
from deploy.release.slots import SlotProcesses
from deploy.release.steps import ROLLBACK_STEPS, STEPS, ReleaseStep, roll_back
from models.core.settings import settings

STRATEGIES: Final = ("blue-green", "rolling", "canary")
#: The strategy of `maitred release rollback` in the list of releases.
BACK: Final = "rollback"


def here() -> tuple[Place, Journal]:
    """Return this machine's release folders and journal, by RELEASE_FOLDER and RELEASE_SOCKETS."""
    chosen = settings()
    place = Place(chosen.release_folder.absolute(), chosen.release_sockets.absolute())
    place.make()
    return place, Journal(place.state)


def release(folder: Path, strategy: str, say: Say) -> Release:
    """Deploy the version in `folder`, or resume that deployment if it was interrupted.

    Return it with its outcome: "done", or "rolled back" with the reason. Raises ReleaseRefused when
    another release is under way, or was interrupted and not rolled back.
    """
    place, journal = here()
    with journal.alone():
        found = journal.newest()
        if found is None or not found.is_open:
            found = _begin(place, journal, folder.absolute(), strategy)
        elif found.folder != str(folder.absolute()):
            raise ReleaseRefused(
                f"the release of {found.folder} was interrupted: resume it, or roll it back"
                " (`maitred release rollback`)"
            )
        else:
            say(f"Resuming release {found.number}")
        return _run(place, journal, found, ROLLBACK_STEPS if found.strategy == BACK else STEPS, say)


def rollback(say: Say) -> Release:
    """Roll back the release under way; without one, deploy the version before the live one.

    Return the release with its outcome. Raises ReleaseRefused when there is no version to return
    to.
    """
    place, journal = here()
    with journal.alone():
        newest = journal.newest()
        if newest is not None and newest.is_open:
            _roll_back(_context(place, journal, newest, say), "requested")
            return newest
        live = journal.live()
        before = journal.by_number(live.before) if live else None
        if before is None:
            raise ReleaseRefused("there is no version to roll back to")
        again = _begin(place, journal, Path(before.folder), BACK)
        return _run(place, journal, again, ROLLBACK_STEPS, say)


def start_live(say: Say) -> bool:
    """Start the live version if it does not run, as after a reboot.

    Return False if there is none.
    """
    place, journal = here()
    with journal.alone():
        live = journal.live()
        if live is None:
            return False
        processes = SlotProcesses(place, live.slot)
        if not processes.is_running:
            say(f"Starting release {live.number} in {live.slot}")
            processes.start(Path(live.folder))
            processes.await_ready()
        place.route(SHARES, live.slot)
        return True


def _begin(place: Place, journal: Journal, folder: Path, strategy: str) -> Release:
    live, newest = journal.live(), journal.newest()
    begun = Release(
        number=newest.number + 1 if newest else 1,
        folder=str(folder),
        strategy=strategy,
        slot=other(live.slot) if live else "blue",
        before=live.number if live else 0,
        began=time(),
    )
    processes = SlotProcesses(place, begun.slot)
    if processes.is_running:
        raise ReleaseRefused(f"{begun.slot} is running but should not be: see {place.state}/log")
    journal.keep(begun)
    return begun


def _context(place: Place, journal: Journal, found: Release, say: Say) -> ReleaseContext:
    live = journal.by_number(found.before)
    # a live version that does not run (the machine was off) has no callers to preserve
    runs = live is not None and SlotProcesses(place, live.slot).is_running
    old: Slot | None = live.slot if live is not None and runs else None
    return ReleaseContext(place, journal, found, old, say)


def _run(
    place: Place, journal: Journal, found: Release, steps: Sequence[ReleaseStep], say: Say
) -> Release:
    context = _context(place, journal, found, say)
    for step in steps:
        if step.name in found.steps:
            continue
        began = monotonic()
        try:
            step.do(context)
        except ReleaseFailed as problem:
            if step.rolls_back:
                say(f"  NO  {step.description}: {problem}")
                _roll_back(context, f"{step.name}: {problem}")
                return found
            found.why = f"{step.name}: {problem}"
            say(f"  !!  {step.description}: {problem}")
        found.steps[step.name] = round(monotonic() - began, 1)
        journal.keep(found)
        say(f"  ok  {step.description} ({found.steps[step.name]} s)")
    _close(journal, found, "done")
    return found


def _roll_back(context: ReleaseContext, why: str) -> None:
    found = context.release
    try:
        roll_back(context)
        outcome = "rolled back"
    except ReleaseFailed as problem:
        outcome, why = "failed", f"{why}; then the rollback failed: {problem}"
    found.why = why
    _close(context.journal, found, outcome)


def _close(journal: Journal, found: Release, outcome: str) -> None:
    found.outcome, found.ended = outcome, time()
    journal.keep(found)
