"""Retention of the log: the pieces that the backups of the last 14 days need for a replay."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from tasks.backups.faults import PieceDamaged
from tasks.backups.log.binlog.events import moment
from tasks.backups.log.pieces import LogSpan, read_head, spans
from tasks.backups.log.position import LogPosition
from tasks.backups.manifest import Manifest
from tasks.backups.stores.safe import Safe

#: A restore to any second is possible this far back from the newest backup.
DAYS: Final = timedelta(days=14)


def prune_log(safe: Safe, kept: Sequence[Manifest]) -> list[str]:
    """Delete the pieces that no retained backup of the last 14 days needs; return their names.

    A log that none of these backups refers to is deleted once it is that old. Before, it may be
    the log of a server that has no backup yet.
    """
    if not kept:
        return []
    oldest = max(one.ended for one in kept) - DAYS
    needed = [one.log for one in kept if one.log is not None and one.ended >= oldest]
    gone: list[str] = []
    by_origin: dict[str, list[LogSpan]] = {}
    for span in spans(safe.store):
        by_origin.setdefault(span.origin, []).append(span)
    for origin, pieces in by_origin.items():
        here = [one for one in needed if one.origin == origin]
        if here:
            first = min(here, key=lambda one: (one.number, one.offset))
            gone += [span.name for span in pieces if _is_before(span, first)]
        elif _newest(safe, pieces[-1]) < oldest.timestamp():
            gone += [span.name for span in pieces]
    for name in gone:
        safe.store.delete(name)
    return gone


def _is_before(span: LogSpan, first: LogPosition) -> bool:
    # a file's start is needed to read the rest of it, and its end to detect missing pieces
    if span.number == first.number:
        return span.start > 0 and span.end < first.offset
    return span.number < first.number


def _newest(safe: Safe, span: LogSpan) -> float:
    try:
        return moment(read_head(safe, span).until).timestamp()
    except PieceDamaged:
        return float("inf")
