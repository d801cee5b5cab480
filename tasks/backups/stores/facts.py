"""The content of each store when it was last opened, recorded for `/readyz` and `/metrics`.

They need not open a store: it is one row per store, written whenever it was opened anyway.
"""

from collections.abc import Sequence
from typing import Any

from models.core import clock
from models.core.database.transactions import unit
from models.operations.running.jobs import record_job
from models.queries.running.health import STORE_ROW
from tasks.backups.faults import PieceDamaged
from tasks.backups.manifest import Manifest
from tasks.backups.stores.safe import Safe


def note_store(which: str, safe: Safe) -> None:
    """Record what the store of this safe holds. Raises StoreFailed when it is unreachable."""
    began = clock.now()
    found = facts_of(*safe.catalogue())
    unit(
        lambda session: record_job(
            session, STORE_ROW + which, started=began, ended=clock.now(), result=found
        )
    )


def facts_of(catalogue: Sequence[Manifest], damaged: Sequence[PieceDamaged]) -> dict[str, Any]:
    """Return counts, bytes, and the newest backup of each kind, as JSON types."""
    newest = {one.kind: one for one in catalogue}  # the catalogue is sorted by time
    return {
        "backups": len(catalogue),
        "damaged": [problem.piece for problem in damaged],
        "bytes": sum(one.seal.sealed_size for one in catalogue),
        "newest": {
            kind: {
                "name": one.name,
                "until": one.ended.isoformat(),
                "bytes": one.seal.sealed_size,
            }
            for kind, one in sorted(newest.items())
        },
    }
