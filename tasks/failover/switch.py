"""From one primary to the next: the old one fenced, the new one promoted, nothing forgotten.

Each step may be the last one of a command that is killed: the next run looks where things stand
and goes on from there.
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

#: A fencing command that takes longer has failed.
_FENCE_SECONDS: Final = 60
_CATCH_UP_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller wants and vouches for.

    `to`: the server that shall take writes (empty: the replica, if the primary is gone).
    `old_is_gone`: a primary that says nothing takes no writes and will not. `fence`: a command
    that makes sure of that. `seen`: what the primary held when it was last seen, if somebody knows.
    """

    to: str = ""
    old_is_gone: bool = False
    fence: str = ""
    seen: Position | None = None
    tell: Callable[[str], None] = field(default=log.info)


@dataclass(frozen=True, slots=True)
class Switched:
    """Who takes writes now, instead of whom, since when; what only the old one held.

    `promoted` is False when it did so before. `lost` is None where it cannot be known yet.
    `stopped_seconds` is from the first fencing to the first write that could be taken.
    """

    primary: str
    old: str
    promoted: bool
    lost: tuple[Missing, ...] | None
    stopped_seconds: float


def fail_over(servers: tuple[Server, ...], wish: Wish) -> Switched:
    """Make the replica the primary. Raises FailoverRefused, and then nobody was promoted.

    With `to` also while the primary lives: then nothing is lost, or nothing happens. Run again
    after it was killed anywhere, it ends the same.
    """
    picture = fence_replaced(look_at(servers), wish.tell)
    remembered = remembered_epoch()
    target = _target(picture, wish)
    if not target.server.take_lock():
        raise FailoverRefused(f"somebody else is promoting {target.name} right now")
    # another may have promoted it before the lock was ours
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
    """Which server is to be the primary."""
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
    """Whom it replaces: who takes writes, else whom the target follows, else the other one."""
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
    """That the old primary takes no writes, though it cannot be told to. Else FailoverRefused."""
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
        # the operator's own line, of the command's arguments
        done = subprocess.run(
            ["/bin/sh", "-c", command], capture_output=True, timeout=_FENCE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise FailoverRefused(f"--fence did not end within {_FENCE_SECONDS} s") from late
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()[-200:]
        raise FailoverRefused(f"--fence failed ({done.returncode}): {said}")


# --- with the old one at hand


def _switch(old: Seen, target: Seen, wish: Wish) -> Switched:
    """Both answer: nothing may be lost, and where that cannot be had, the old one goes on."""
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
    """After the fencing: all that the old one holds is applied by the target."""
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
    """Before anybody is stopped: the replica is a replica, goes on, and is nearly there."""
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


# --- without it


def _take_over(old: Seen, target: Seen, wish: Wish, *, newest: int) -> Switched:
    """The old one is gone: take all that the replica has received, and go on from there.

    The promotion is written before the first write can be: whoever sees both servers when the old
    one returns knows which is the primary.
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
