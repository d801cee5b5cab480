"""Watches the new version beside the old one while callers are moved to it."""

from time import monotonic, sleep
from typing import Final

from deploy.release.comparison import ENOUGH, Counts, more_errors, safe_counts, slower
from deploy.release.context import ReleaseContext
from deploy.release.errors import ReleaseFailed
from deploy.release.slots import SlotProcesses

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


class ReleaseWatch:
    """Comparison of both versions, begun before the first caller is moved."""

    def __init__(self, context: ReleaseContext) -> None:
        self._context = context
        self._unanswered = self._slow = 0
        self._now = Counts()
        self._base = self._old_alone()
        self._new_before = self._new_last = safe_counts(context.place, context.new) or Counts()
        self._old_last = self._old_counts()

    def run(self, what: str, seconds: float) -> None:
        """Watch for that long.

        Raises ReleaseFailed as soon as the new version does worse than the old.
        """
        ends = monotonic() + seconds
        while True:
            found = safe_counts(self._context.place, self._context.new)
            self._unanswered = 0 if found else self._unanswered + 1
            if self._unanswered >= MAX_UNANSWERED:
                raise ReleaseFailed("the web process no longer answers")
            SlotProcesses(self._context.place, self._context.new).check_exits()
            if found and (wrong := self._judge(found)):
                raise ReleaseFailed(f"with {what}: {wrong}")
            left = ends - monotonic()
            if left <= 0 and left <= -self._more_seconds(seconds):
                break
            sleep(min(POLL_SECONDS, max(0.05, left)) if left > 0 else POLL_SECONDS)
        self._context.say(f"      {what}: {self._now}; the old version: {self._base}")

    def _more_seconds(self, seconds: float) -> float:
        """Return how much longer to watch: no verdict yet, or slowness that may pass."""
        if self._slow:
            return DOUBT_SECONDS
        # without callers there is nothing to wait for; rolling does not judge each share by itself
        is_awaited = self._base.answers >= ENOUGH and self._context.release.strategy == "canary"
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
        old = self._context.old
        return (safe_counts(self._context.place, old) if old else None) or Counts()

    def check_reached(self) -> None:
        """Raise ReleaseFailed when the old version had callers and the new one has had none."""
        if self._base.answers >= ENOUGH and not self._now.answers:
            raise ReleaseFailed(
                f"no request arrived: does nginx follow the links in {self._context.place.sockets}?"
            )

    def _old_alone(self) -> Counts:
        """Measure the old version while it serves alone."""
        context = self._context
        before = safe_counts(context.place, context.old) if context.old else None
        if context.old is None or before is None:
            return Counts()
        sleep(BASE_SECONDS)
        after = safe_counts(context.place, context.old)
        return after.since(before) if after else Counts()
