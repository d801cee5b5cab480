"""Which pieces of the log stay: what the backups of the last 14 days need to go on from."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from tasks.backups.faults import PieceDamaged
from tasks.backups.log.binlog.events import moment
from tasks.backups.log.pieces import Span, read_head, spans
from tasks.backups.log.position import LogPosition
from tasks.backups.manifest import Manifest
from tasks.backups.stores.safe import Safe

#: A restore to any second goes back this far, by the newest backup.
DAYS: Final = timedelta(days=14)


def prune_log(safe: Safe, kept: Sequence[Manifest]) -> list[str]:
    """Delete the pieces that no kept backup of the last 14 days needs. Returns their names.

    Of a log that no such backup stands in, all goes once it is that old; before that it may be the
    log of a server whose first backup is yet to come.
    """
    if not kept:
        return []
    oldest = max(one.ended for one in kept) - DAYS
    needed = [one.log for one in kept if one.log is not None and one.ended >= oldest]
    gone: list[str] = []
    by_origin: dict[str, list[Span]] = {}
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


def _is_before(span: Span, first: LogPosition) -> bool:
    # how a file begins tells how to read the rest of it, and where it ends what is missing
    if span.number == first.number:
        return span.start > 0 and span.end < first.offset
    return span.number < first.number


def _newest(safe: Safe, span: Span) -> float:
    try:
        return moment(read_head(safe, span).until).timestamp()
    except PieceDamaged:
        return float("inf")
