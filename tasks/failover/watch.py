"""Automatic fail-over: polls twice a second, acts after four polls without a primary."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sqlalchemy.exc import DBAPIError

from models.rules.gtids import Position
from tasks.failover.faults import FailoverRefused
from tasks.failover.overview import Seen, all_servers, query_servers
from tasks.failover.replaced import fence_replaced
from tasks.failover.server import DatabaseServer
from tasks.failover.switch import FailoverRequest, Switched, fail_over

#: Seconds between two polls.
EVERY: Final = 0.5
#: After this many polls in a row without a server that takes writes, the replica is promoted.
MISSES: Final = 4
#: Seconds within which a server must answer a poll.
ANSWER_SECONDS: Final = 1


class FailoverWatch:
    """One watcher. Several may run: the one that gets the lock on the replica promotes it.

    Does not promote a replica that may lack acknowledged writes: the primary must have been
    semi-synchronous when last seen, unless `accept_loss`. Calls `then` after a promotion.
    """

    def __init__(
        self,
        request: FailoverRequest,
        *,
        accept_loss: bool = False,
        then: Callable[[Switched], None],
    ) -> None:
        self._request = request
        self._accept_loss = accept_loss
        self._then = then
        self._missed = 0
        self._reported = ""
        self._semi_sync = False
        self._last: Position | None = None

    def run(self, over: threading.Event) -> None:
        """Watch until `over` is set."""
        with all_servers(answer_seconds=ANSWER_SECONDS) as servers:
            while not over.wait(EVERY):
                try:
                    self.poll(servers)
                except (FailoverRefused, DBAPIError) as problem:
                    self._report(getattr(problem, "message", None) or str(problem.__cause__))

    def poll(self, servers: tuple[DatabaseServer, ...]) -> None:
        """Poll once, and act on the result. Raises FailoverRefused."""
        primary = fence_replaced(query_servers(servers), self._request.report).primary
        if primary is not None:
            self._note(primary)
            return
        self._missed += 1
        if self._missed >= MISSES:
            self._act()

    def _note(self, primary: Seen) -> None:
        if primary.facts is None:
            raise AssertionError("it takes writes")
        self._missed = 0
        self._last, self._semi_sync = primary.facts.state, primary.facts.semi_sync
        replica = "semi-synchronous" if self._semi_sync else "WITHOUT a semi-synchronous replica"
        self._report(f"{primary.name} takes writes, {replica}")

    def _act(self) -> None:
        if not self._semi_sync and not self._accept_loss:
            raise FailoverRefused(
                "the primary does not answer, and was not semi-synchronous when last seen: the "
                "replica may lack acknowledged writes. To promote it anyway: maitred failover "
                "promote"
            )
        with all_servers() as servers:
            done = fail_over(servers, replace(self._request, seen=self._last))
        self._missed = 0
        if done.promoted:
            self._then(done)

    def _report(self, what: str) -> None:
        """Report each state once, when it begins."""
        if what != self._reported:
            self._reported = what
            self._request.report(what)
