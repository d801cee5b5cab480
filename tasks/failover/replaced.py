"""Fences a replaced primary: one that takes writes although another was promoted in its place."""

from collections.abc import Callable

from models.core.database.epochs import memory_of
from models.core.settings import settings
from tasks.failover.faults import FailoverRefused
from tasks.failover.overview import Overview, Seen


def remembered_epoch() -> int:
    """Return the epoch of the newest promotion known to Redis or this process; 0 if unknown."""
    found = memory_of(settings().database_url)
    return found.read_newest() if found else 0


def fence_replaced(overview: Overview, report: Callable[[str], None]) -> Overview:
    """Make every replaced primary read-only, and report it to `report`; return the new snapshot.

    The writes that it took since are lost until a person compares the servers.
    """
    for one in overview.replaced:
        one.server.fence()
        report(
            f"{one.name} took writes, though another server was promoted in its place: it is "
            f"read-only now. List what only it holds: maitred failover compare {one.name} "
            "(docs/failover.md, 4)"
        )
        overview = overview.with_refreshed(one)
    return overview


def check_newest(primary: Seen, remembered: int) -> None:
    """Raise FailoverRefused if another server, unreachable now, was promoted in its place."""
    facts = primary.facts
    if facts and facts.epoch is not None and facts.epoch < remembered:
        raise FailoverRefused(
            f"{primary.name} takes writes, but another server was promoted in its place, and does "
            "not answer: nothing is written here until that one is back. If it is permanently "
            f"lost, with all its data: maitred failover promote --to {primary.name}"
        )
