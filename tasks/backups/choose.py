"""Selects the backup that a restore starts from, and an alternative when a piece is damaged."""

from datetime import datetime

from tasks.backups.faults import PieceDamaged, RestoreRefused
from tasks.backups.log.fetch import end_of_log
from tasks.backups.log.position import as_text
from tasks.backups.manifest import Manifest, chain_of
from tasks.backups.stores.safe import Safe


def choose(safe: Safe, *, name: str = "", to: datetime | None = None) -> list[Manifest]:
    """Return the chain to restore: that of `name`, else of the newest backup that ended by `to`.

    SQLite has no log to replay: its newest snapshot by `to` is as near as a restore gets. Raises
    PieceDamaged, and RestoreRefused when no backup leads to `to`.
    """
    if to is None:
        return safe.chain(name)
    found, damaged = safe.catalogue()
    if not name and found and not damaged:
        before = [one for one in found if one.ended <= to]
        if not before:
            raise RestoreRefused(
                f"the first backup ended at {as_text(found[0].ended)}: "
                f"{as_text(to)} is earlier and cannot be restored"
            )
        name = before[-1].name
    chain = safe.chain(name)
    if chain[-1].ended > to:
        raise RestoreRefused(
            f"{name} ended at {as_text(chain[-1].ended)}, which is after {as_text(to)}"
        )
    if chain[-1].log is None and chain[-1].engine != "sqlite":
        raise RestoreRefused(
            f"{name} has no log position: its state at {as_text(to)} cannot be restored"
        )
    return chain


def with_alternative(safe: Safe, problem: PieceDamaged, *, to: datetime | None) -> PieceDamaged:
    """Return the problem; its text names the newest backup that avoids it and its reach, if any."""
    found, _damaged = safe.catalogue()
    name = problem.piece.partition(".")[0]
    for one in reversed(found):
        if one.log is None or (to is not None and one.ended > to):
            continue
        try:
            chain = chain_of(one, found)
        except PieceDamaged:
            continue
        reach = end_of_log(safe, one.log)
        if reach is not None and name not in {part.name for part in chain}:
            way = f"`--from {one.name}` and the log restore the state at {as_text(to or reach)}"
            return PieceDamaged(problem.piece, f"{problem.what}. {way}")
    return problem
