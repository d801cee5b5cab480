"""The drill: the newest backup and its log, restored into a scratch place, proved, thrown away."""

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Final

from tasks.backups.log.position import as_text
from tasks.backups.restore import Restored, restore_into
from tasks.backups.stores.safe import Safe

#: Once a day, asked more often.
EVERY: Final = timedelta(hours=23)


@dataclass(frozen=True, slots=True)
class Drilled:
    """What came back, and the seconds from the first byte to a proved database."""

    restored: Restored
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """What is written down of it."""
        return {
            "name": self.restored.newest.name,
            "pieces": self.restored.pieces,
            "seconds": round(self.seconds, 1),
            "until": as_text(self.restored.until),
            "rows": self.restored.examined.rows,
        }


def run_drill(safe: Safe) -> Drilled:
    """Restore the newest backup and its log where nobody needs it. Raises what is wrong."""
    began = monotonic()
    with tempfile.TemporaryDirectory(prefix="maitred-drill-") as folder:
        restored = restore_into(safe, Path(folder) / "house", thorough=True)
        return Drilled(restored, monotonic() - began)


def is_due(last_success: datetime | None, *, now: datetime) -> bool:
    """Whether a day has passed since the last drill that went well."""
    return last_success is None or now - last_success >= EVERY
