"""Makes a former primary a replica of the current one, if it has no transactions of its own."""

from typing import Final

from models.rules.gtids import lacking
from tasks.failover.faults import FailoverRefused
from tasks.failover.overview import Overview, Seen
from tasks.failover.server import Facts, wait_until_follows

_CATCH_UP_SECONDS: Final = 600
_BEGIN_SECONDS: Final = 15


def returning(overview: Overview, *, to: str = "") -> tuple[Seen, Seen]:
    """Return the primary, and the server that is to follow it. Raises FailoverRefused."""
    primary = overview.primary
    if primary is None:
        raise FailoverRefused("no server takes writes: run maitred failover promote first")
    others = overview.others(primary)
    if not to and len(others) > 1:
        names = " or ".join(one.name for one in others)
        raise FailoverRefused(f"there are several servers: choose one with --to {names}")
    back = overview.named(to) if to else others[0]
    if back is primary:
        raise FailoverRefused(f"{back.name} takes writes already")
    if back.facts is None:
        raise FailoverRefused(f"{back.name} does not answer ({back.reach}): start it")
    return primary, back


def rejoin(primary: Seen, back: Seen, *, seeded_at: str = "") -> None:
    """Make `back` follow `primary`, and wait until it has caught up. Safe to repeat.

    `seeded_at`: the position of the copy from which its data folder was made. Raises
    FailoverRefused when it has transactions that the primary never had, before any change; or when
    it does not follow or catch up.
    """
    held, here = back.facts, primary.facts
    if held is None or here is None:
        raise AssertionError("both were seen")
    _check_history(held, here, primary=primary.name, back=back.name, seeded_at=seeded_at)
    follows = held.follows
    if follows is None or follows.source != primary.name or not follows.receives:
        back.server.fence()
        back.server.follow(primary.server.url, begin="" if held.written else seeded_at)
    if not wait_until_follows(back.server, seconds=_BEGIN_SECONDS):
        found = back.server.query().follows
        error = found.error if found else ""
        raise FailoverRefused(
            f"{back.name} does not follow {primary.name}: {error or 'replication is stopped'}"
        )
    if not back.server.wait_for(primary.server.query().written, seconds=_CATCH_UP_SECONDS):
        raise FailoverRefused(f"{back.name} follows {primary.name}, and does not catch up")


def _check_history(held: Facts, here: Facts, *, primary: str, back: str, seeded_at: str) -> None:
    only_there = lacking(held.state, by=here.state, replicated=here.replicated)
    if only_there:
        names = ", ".join(map(str, only_there))
        count = sum(missing.count for missing in only_there)
        raise FailoverRefused(
            f"{back} holds {count} transactions that {primary} never had: {names}. They were lost "
            f"in the fail-over. List them: maitred failover compare {back}; then seed it again "
            "(docs/failover.md, 4 and 5)"
        )
    # a copied data folder has no binary log, and the position in its tables is its source's
    if not held.written and held.follows is None and not seeded_at:
        raise FailoverRefused(
            f"{back} has written nothing yet: seed it with a copy of {primary} (docs/failover.md, "
            "5), then give the position where that ends: --seeded-at GTID"
        )
