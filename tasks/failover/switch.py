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
from tasks.failover.overview import Picture, Seen, look_at
from tasks.failover.replaced import check_newest, fence_replaced, remembered_epoch
from tasks.failover.server import Server, wait_until_follows

log = logging.getLogger(__name__)

#: The time limit in seconds of a fencing command.
_FENCE_SECONDS: Final = 60
_CATCH_UP_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Wish:
    """The request for a fail-over, with the caller's assertions.

    `to`: the server that shall take writes (empty: the replica, if the primary is gone).
    `old_is_gone`: asserts that a silent primary takes no writes and will not. `fence`: a command
    that ensures this. `seen`: the primary's position when it was last seen, if known. `tell` gets
    the reports for the operator.
    """

    to: str = ""
    old_is_gone: bool = False
    fence: str = ""
    seen: Position | None = None
    tell: Callable[[str], None] = field(default=log.info)


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


def fail_over(servers: tuple[Server, ...], wish: Wish) -> Switched:
    """Make the replica the primary. Raises FailoverRefused, and then no server was promoted.

    With `to`, also while the primary is running: then nothing is lost, or nothing changes. After it
    was killed at any point, another run ends with the same result.
    """
    picture = fence_replaced(look_at(servers), wish.tell)
    remembered = remembered_epoch()
    target = _target(picture, wish)
    if not target.server.take_lock():
        raise FailoverRefused(f"somebody else is promoting {target.name} right now")
    # another process may have promoted it before this one had the lock
    picture = picture.with_new_look_at(target)
    target = picture.named(target.name)
    if picture.primary is target:
        if not wish.to:
            check_newest(target, remembered)
        return Switched(target.name, "", promoted=False, lost=(), stopped_seconds=0.0)
    if picture.primary is not None and not wish.to:
        raise FailoverRefused(_lives(picture.primary, target))
    old = _old(picture, target)
    _check_target(target)
    if old.facts is not None:
        return _switch(old, target, wish)
    _check_gone(old, target, wish)
    return _take_over(old, target, wish, newest=max(picture.newest, remembered))


def _target(picture: Picture, wish: Wish) -> Seen:
    """Return the server that is to be the primary. Raises FailoverRefused."""
    primary = picture.primary
    if wish.to:
        return picture.named(wish.to)
    if primary is not None:
        return primary
    replicas = [one for one in picture.seen if one.is_replica]
    if len(replicas) == 1:
        return replicas[0]
    if replicas:
        names = " or ".join(one.name for one in replicas)
        raise FailoverRefused(f"there are several replicas: say --to {names}")
    found = ", ".join(f"{one.name} {one.reach}" for one in picture.seen)
    raise FailoverRefused(f"no replica answers ({found}); say which it shall be: --to HOST:PORT")


def _old(picture: Picture, target: Seen) -> Seen:
    """Return the server to replace: the primary, else the target's source, else another one."""
    if picture.primary is not None:
        return picture.primary
    others = picture.others(target)
    source = target.facts.follows.source if target.facts and target.facts.follows else ""
    return next((one for one in others if one.name == source), others[0])


def _lives(primary: Seen, target: Seen) -> str:
    return (
        f"{primary.name} takes writes, so nothing is gone; to switch all the same: "
        f"maitred failover --to {target.name}"
    )


def _check_target(target: Seen) -> None:
    facts = target.facts
    if facts is None:
        raise FailoverRefused(f"{target.name} does not answer ({target.reach})")
    follows = facts.follows
    if follows and not follows.applies and follows.error:
        raise FailoverRefused(f"{target.name} has stopped applying: {follows.error}")


def _check_gone(old: Seen, target: Seen, wish: Wish) -> None:
    """Raise FailoverRefused unless the unreachable old primary certainly takes no writes."""
    facts = target.facts
    if facts and facts.follows and facts.follows.receives:
        raise FailoverRefused(
            f"{target.name} still hears {old.name}: it lives, and only the way from here is broken "
            "(a replica notices after 4 s that its primary is silent)"
        )
    if old.reach == "stopped":
        wish.tell(f"{old.name}: no server runs there; when it returns it is read-only")
    elif wish.fence:
        _run_fence(wish.fence)
        wish.tell(f"{old.name}: silent; the fencing command says that it is stopped")
    elif wish.old_is_gone:
        wish.tell(f"{old.name}: silent; you say that it is gone")
    else:
        raise FailoverRefused(
            f"{old.name} is silent: it may be cut off from here and take writes all the same, and "
            "they would be lost. Stop it or cut it off from the house (power, network), then say "
            "--old-is-gone; or name the command that does it with --fence"
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


def _switch(old: Seen, target: Seen, wish: Wish) -> Switched:
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
    wish.tell(f"{target.name} takes writes; {old.name} is read-only")
    return Switched(target.name, old.name, promoted=True, lost=(), stopped_seconds=stopped)


def _take_all(old: Seen, target: Seen) -> None:
    """After the fencing, let the target apply everything that the old primary has."""
    final = old.server.look()
    if target.is_replica:
        if not target.server.wait_for(final.written, seconds=_CATCH_UP_SECONDS):
            raise FailoverRefused(f"{target.name} does not catch up with {old.name}")
        target.server.stop_receiving()
        _apply_the_rest(target.server)
    here = target.server.look()
    lost = lacking(final.state, by=here.state, replicated=here.replicated)
    if lost:
        names = ", ".join(map(str, lost))
        raise FailoverRefused(f"{target.name} never had {names}, which {old.name} holds")


def _follow_closely(old: Seen, target: Seen) -> None:
    """Before the fencing, ensure that the target replicates and has nearly caught up."""
    if target.facts is None or target.facts.follows is None:
        raise FailoverRefused(
            f"{target.name} is no replica; maitred failback --rejoin-only makes it one"
        )
    target.server.go_on_following()
    if not wait_until_follows(target.server, seconds=_CATCH_UP_SECONDS / 4):
        follows = target.server.look().follows
        error = follows.error if follows else ""
        raise FailoverRefused(f"{target.name} does not follow {old.name}: {error or 'it stands'}")
    now = old.server.look().written
    if not target.server.wait_for(now, seconds=_CATCH_UP_SECONDS):
        raise FailoverRefused(f"{target.name} does not catch up with {old.name}")


# --- when it does not


def _take_over(old: Seen, target: Seen, wish: Wish, *, newest: int) -> Switched:
    """Promote without the old primary, after applying everything that the replica has received.

    The promotion is written before the server takes writes, so that the promotions show which of
    the two is the primary when the old one returns.
    """
    began = monotonic()
    server = target.server
    if target.is_replica:
        server.stop_receiving()
        _apply_the_rest(server)
    held = server.look()
    epoch = next_epoch(newest, now=clock.now()) if server.may_write_promotions() else 0
    server.promote(epoch=epoch)
    stopped = monotonic() - began
    lost = None
    if wish.seen is not None:
        lost = lacking(wish.seen, by=held.state, replicated=held.replicated)
    wish.tell(f"{target.name} takes writes")
    return Switched(target.name, old.name, promoted=True, lost=lost, stopped_seconds=stopped)


def _apply_the_rest(server: Server) -> None:
    facts = server.look()
    follows = facts.follows
    if follows is None or has_reached(facts.replicated, follows.received):
        return
    if not follows.applies:
        server.go_on_applying()
    if not server.wait_for(follows.received, seconds=_CATCH_UP_SECONDS):
        raise FailoverRefused(f"{server.name} does not apply what it has received")
