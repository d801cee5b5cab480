"""Retention: the recent backups, 48 hourly, 14 daily, 8 weekly, 12 monthly, and their chains."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

_Period = Callable[[datetime], Hashable]


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup for the retention rules: its name, the time of its state (UTC), and its parent."""

    name: str
    at: datetime
    parent: str | None = None


#: period -> how many periods keep a backup, counted from the newest that has one
RULES: Final[tuple[tuple[_Period, int], ...]] = (
    (lambda at: (at.date(), at.hour), 48),
    (lambda at: at.date(), 14),
    (lambda at: at.isocalendar()[:2], 8),
    (lambda at: (at.year, at.month), 12),
)
_HOURLY: Final = RULES[0]
#: All backups this close to the newest stay, so that a manual one is not deleted immediately.
RECENT: Final = timedelta(hours=2)


def to_keep(backups: Sequence[Kept]) -> set[str]:
    """Return the names of the backups to retain.

    Of an hour the newest stays. Of a longer period the newest without a parent stays, so that a
    month costs one full backup and not a day's chain; if all have parents, the newest. The
    ancestors of a retained backup stay as well. Does not depend on the current time.
    """
    newest_first = sorted(backups, key=lambda one: (one.at, one.name), reverse=True)
    kept = {one.name for one in newest_first if newest_first[0].at - one.at <= RECENT}
    for rule in RULES:
        kept |= _chosen(newest_first, rule)
    parents = {one.name: one.parent for one in backups}
    for name in list(kept):
        parent = parents[name]
        while parent is not None and parent in parents and parent not in kept:
            kept.add(parent)
            parent = parents[parent]
    return kept


def _chosen(newest_first: Sequence[Kept], rule: tuple[_Period, int]) -> set[str]:
    period_of, count = rule
    periods: dict[Hashable, list[Kept]] = {}
    for one in newest_first:
        periods.setdefault(period_of(one.at.astimezone(UTC)), []).append(one)
    chosen = set()
    for members in list(periods.values())[:count]:
        alone = [one for one in members if one.parent is None]
        chosen.add((members if rule is _HOURLY or not alone else alone)[0].name)
    return chosen
