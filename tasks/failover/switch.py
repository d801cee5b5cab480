"""The switch from one primary to the next: the old one is fenced, then the new one promoted.

The command may be killed after any step: the next run queries the state and continues from there.
"""

import logging
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from sqlalchemy.exc import DBAPIError

from models.core import clock
from models.rules.gtids import Missing, Position, has_reached, lacking
from models.rules.promotions import next_epoch
from tasks.failover.faults import FailoverRefused
from tasks.failover.overview import Overview, Seen, query_servers
from tasks.failover.replaced import check_newest, fence_replaced, remembered_epoch
from tasks.failover.server import DatabaseServer, wait_until_follows

log = logging.getLogger(__name__)

#: The time limit in seconds of a fencing command.
_FENCE_SECONDS: Final = 60
_CATCH_UP_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class FailoverRequest:
    """The request for a fail-over, with the caller's assertions.

    `to`: the server that shall take writes (empty: the replica, if the primary is gone).
    `old_is_gone`: asserts that a silent primary takes no writes and will not. `fence`: a command
    that ensures this. `seen`: the primary's position when it was last seen, if known. `report` gets
    the reports for the operator.
    """

    to: str = ""
    old_is_gone: bool = False
    fence: str = ""
    seen: Position | None = None
    report: Callable[[str], None] = field(default=log.info)


@dataclass(frozen=True, slots=True)
class Switched:
    """The result: the new primary, the old one, and the transactions that only the old one had.

    `promoted` is False when the primary took writes before. `lost` is None where it is not known
    yet. `stopped_seconds`: from the first fencing until writes were possible again.
    """

    primary: str
    old: str
    promoted: bool
    lost: tuple[Missing, ...] | None
    stopped_seconds: float


def fail_over(servers: tuple[DatabaseServer, ...], request: FailoverRequest) -> Switched:
    """Make the replica the primary. Raises FailoverRefused, and then no server was promoted.

    With `to`, also while the primary is running: then nothing is lost, or nothing changes. After it
    was killed at any point, another run ends with the same result.
    """
    overview = fence_replaced(query_servers(servers), request.report)
    remembered = remembered_epoch()
    target = _target(overview, request)
    if not target.server.take_lock():
        raise FailoverRefused(f"another process is promoting {target.name}")
    # another process may have promoted it before this one had the lock
    overview = overview.with_refreshed(target)
    target = overview.named(target.name)
    if overview.primary is target:
        if not request.to:
            check_newest(target, remembered)
        return Switched(target.name, "", promoted=False, lost=(), stopped_seconds=0.0)
    if overview.primary is not None and not request.to:
        raise FailoverRefused(_still_primary(overview.primary, target))
    old = _old(overview, target)
    _check_target(target)
    if old.facts is not None:
        return _switch(old, target, request)
    _check_gone(old, target, request)
    return _take_over(old, target, request, newest=max(overview.newest, remembered))


def _target(overview: Overview, request: FailoverRequest) -> Seen:
    """Return the server that is to be the primary. Raises FailoverRefused."""
    primary = overview.primary
    if request.to:
        return overview.named(request.to)
    if primary is not None:
        return primary
    replicas = [one for one in overview.seen if one.is_replica]
    if len(replicas) == 1:
        return replicas[0]
    if replicas:
        names = " or ".join(one.name for one in replicas)
        raise FailoverRefused(f"there are several replicas: choose one with --to {names}")
    found = ", ".join(f"{one.name} {one.reach}" for one in overview.seen)
    raise FailoverRefused(f"no replica answers ({found}); name the new primary with --to HOST:PORT")


def _old(overview: Overview, target: Seen) -> Seen:
    """Return the server to replace: the primary, else the target's source, else another one."""
    if overview.primary is not None:
        return overview.primary
    others = overview.others(target)
    source = target.facts.follows.source if target.facts and target.facts.follows else ""
    return next((one for one in others if one.name == source), others[0])


def _still_primary(primary: Seen, target: Seen) -> str:
    return (
        f"{primary.name} takes writes, so no fail-over is needed; to switch anyway: "
        f"maitred failover promote --to {target.name}"
    )


def _check_target(target: Seen) -> None:
    facts = target.facts
    if facts is None:
        raise FailoverRefused(f"{target.name} does not answer ({target.reach})")
    follows = facts.follows
    if follows and not follows.applies and follows.error:
        raise FailoverRefused(f"{target.name} has stopped applying changes: {follows.error}")


def _check_gone(old: Seen, target: Seen, request: FailoverRequest) -> None:
    """Raise FailoverRefused unless the unreachable old primary certainly takes no writes."""
    facts = target.facts
    if facts and facts.follows and facts.follows.receives:
        raise FailoverRefused(
            f"{target.name} still receives from {old.name}: the primary is running, and only "
            "the connection from this host to it is broken (a replica notices after 4 s that its "
            "primary does not answer)"
        )
    if old.reach == "stopped":
        request.report(
            f"{old.name}: no server is running there; it is read-only when it starts again"
        )
    elif request.fence:
        _run_fence(request.fence)
        request.report(
            f"{old.name} does not answer; the fencing command reports that it is stopped"
        )
    elif request.old_is_gone:
        request.report(f"{old.name} does not answer; --old-is-gone confirms that it is stopped")
    else:
        raise FailoverRefused(
            f"{old.name} does not answer: it may be cut off from here and still take writes, which "
            "would be lost. Stop it or cut it off from the network, then use --old-is-gone; or "
            "name the command that does this with --fence"
        )


def _run_fence(command: str) -> None:
    try:
        # the operator's own shell command, from --fence
        done = subprocess.run(
            ["/bin/sh", "-c", command], capture_output=True, timeout=_FENCE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise FailoverRefused(f"--fence did not end within {_FENCE_SECONDS} s") from late
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()[-200:]
        raise FailoverRefused(f"--fence failed ({done.returncode}): {said}")


# --- when the old primary answers


def _switch(old: Seen, target: Seen, request: FailoverRequest) -> Switched:
    """Switch while both answer, without loss; if that fails, the old primary takes writes again."""
    if old.takes_writes:
        _follow_closely(old, target)
    elif target.is_replica:
        target.server.go_on_following()
    began = monotonic()
    old.server.fence()
    try:
        _take_all(old, target)
    except (FailoverRefused, DBAPIError):
        if old.takes_writes:
            old.server.open()
        raise
    target.server.promote()
    stopped = monotonic() - began
    request.report(f"{target.name} takes writes; {old.name} is read-only")
    return Switched(target.name, old.name, promoted=True, lost=(), stopped_seconds=stopped)


def _take_all(old: Seen, target: Seen) -> None:
    """After the fencing, let the target apply everything that the old primary has."""
    final = old.server.query()
    if target.is_replica:
        if not target.server.wait_for(final.written, seconds=_CATCH_UP_SECONDS):
            raise FailoverRefused(f"{target.name} does not catch up with {old.name}")
        target.server.stop_receiving()
        _apply_the_rest(target.server)
    here = target.server.query()
    lost = lacking(final.state, by=here.state, replicated=here.replicated)
    if lost:
        names = ", ".join(map(str, lost))
        raise FailoverRefused(f"{target.name} never had {names}, which {old.name} holds")


def _follow_closely(old: Seen, target: Seen) -> None:
    """Before the fencing, ensure that the target replicates and has nearly caught up."""
    if target.facts is None or target.facts.follows is None:
        raise FailoverRefused(
            f"{target.name} is not a replica; maitred failover rejoin makes it one"
        )
    target.server.go_on_following()
    if not wait_until_follows(target.server, seconds=_CATCH_UP_SECONDS / 4):
        follows = target.server.query().follows
        error = follows.error if follows else ""
        raise FailoverRefused(
            f"{target.name} does not follow {old.name}: {error or 'replication is stopped'}"
        )
    now = old.server.query().written
    if not target.server.wait_for(now, seconds=_CATCH_UP_SECONDS):
        raise FailoverRefused(f"{target.name} does not catch up with {old.name}")


# --- when it does not


def _take_over(old: Seen, target: Seen, request: FailoverRequest, *, newest: int) -> Switched:
    """Promote without the old primary, after applying everything that the replica has received.

    The promotion is written before the server takes writes, so that the promotions show which of
    the two is the primary when the old one returns.
    """
    began = monotonic()
    server = target.server
    if target.is_replica:
        server.stop_receiving()
        _apply_the_rest(server)
    held = server.query()
    epoch = next_epoch(newest, now=clock.now()) if server.may_write_promotions() else 0
    server.promote(epoch=epoch)
    stopped = monotonic() - began
    lost = None
    if request.seen is not None:
        lost = lacking(request.seen, by=held.state, replicated=held.replicated)
    request.report(f"{target.name} takes writes")
    return Switched(target.name, old.name, promoted=True, lost=lost, stopped_seconds=stopped)


def _apply_the_rest(server: DatabaseServer) -> None:
    facts = server.query()
    follows = facts.follows
    if follows is None or has_reached(facts.replicated, follows.received):
        return
    if not follows.applies:
        server.go_on_applying()
    if not server.wait_for(follows.received, seconds=_CATCH_UP_SECONDS):
        raise FailoverRefused(f"{server.name} does not apply what it has received")
