"""The drill: the newest backup and its log, restored into a scratch folder, checked and deleted."""

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Final

from tasks.backups.log.position import as_text
from tasks.backups.restore import Restored, restore_into
from tasks.backups.stores.safe import Safe

#: Once a day, with an hour's tolerance; the scheduler starts the task more often.
EVERY: Final = timedelta(hours=23)


@dataclass(frozen=True, slots=True)
class Drilled:
    """The restored backup, and the seconds from the first byte to a checked database."""

    restored: Restored
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the result for the record of the job."""
        return {
            "name": self.restored.newest.name,
            "pieces": self.restored.pieces,
            "seconds": round(self.seconds, 1),
            "until": as_text(self.restored.until),
            "rows": self.restored.examined.rows,
        }


def run_drill(safe: Safe) -> Drilled:
    """Restore the newest backup and its log into a temporary folder. Raises as `restore_into`."""
    began = monotonic()
    with tempfile.TemporaryDirectory(prefix="maitred-drill-") as folder:
        restored = restore_into(safe, Path(folder) / "restored", thorough=True)
        return Drilled(restored, monotonic() - began)


def is_due(last_success: datetime | None, *, now: datetime) -> bool:
    """Whether EVERY has passed since the last successful drill."""
    return last_success is None or now - last_success >= EVERY
