"""What each store held when it was last looked at, kept for `/readyz` and `/metrics`.

So neither has to open a store: one row for each, written whenever the store was opened anyway.
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
    """Write down what the store of this safe holds. Raises StoreFailed when it is away."""
    began = clock.now()
    found = facts_of(*safe.catalogue())
    unit(
        lambda session: record_job(
            session, STORE_ROW + which, started=began, ended=clock.now(), result=found
        )
    )


def facts_of(catalogue: Sequence[Manifest], damaged: Sequence[PieceDamaged]) -> dict[str, Any]:
    """Counts, bytes, and the newest of each kind, as JSON's types."""
    newest = {one.kind: one for one in catalogue}  # the catalogue is in order of time
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
