"""A primary in whose place another was promoted, and that takes writes still: it is fenced."""

from collections.abc import Callable

from models.core.database.epochs import memory_of
from models.core.settings import settings
from tasks.failover.faults import FailoverRefused
from tasks.failover.overview import Picture, Seen


def remembered_epoch() -> int:
    """Of the newest promotion that Redis remembers; 0 where that cannot be told."""
    found = memory_of(settings().database_url)
    return found.look() if found else 0


def fence_replaced(picture: Picture, tell: Callable[[str], None]) -> Picture:
    """Whoever takes writes though another was promoted in its place is made read-only.

    What it took since is lost to us until a person has looked.
    """
    for one in picture.replaced:
        one.server.fence()
        tell(
            f"{one.name} took writes, though another server was promoted in its place: it is "
            f"read-only now. What it alone holds: maitred failover --compare {one.name} "
            "(docs/failover.md, 4)"
        )
        picture = picture.with_new_look_at(one)
    return picture


def check_newest(primary: Seen, remembered: int) -> None:
    """That nobody was promoted in its place who does not answer now. Else FailoverRefused."""
    facts = primary.facts
    if facts and facts.epoch is not None and facts.epoch < remembered:
        raise FailoverRefused(
            f"{primary.name} takes writes, but another server was promoted in its place, and does "
            "not answer: nobody writes here before that one is back. Is it lost for good, with "
            f"all that it held: maitred failover --to {primary.name}"
        )
