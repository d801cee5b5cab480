"""The record of each release: one file, replaced atomically at every step."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from deploy.release.place import Slot
from models.core.atomic_files import write_atomically
from models.core.errors import MaitredError

_FOLDER: Final = "releases"
_LOCK: Final = "lock"
#: Names of steps in a journal that the release before this one wrote -> their names now. A release
#: that it began and did not complete is resumed by this one, or rolled back.
_FORMER_STEPS: Final = {
    "look": "check",
    "turn": "switch",
    "front": "check-nginx",
    "end-old": "stop-old",
}


class ReleaseRefused(MaitredError):
    """Nothing was begun; the text gives the reason."""

    code = "release-refused"


@dataclass
class Release:
    """One release. Times are seconds since 1970; `steps` maps each completed step to its seconds.

    outcome: "" while it is under way, then done | rolled back | failed.
    """

    number: int
    folder: str
    strategy: str
    slot: Slot
    #: Number of the release that was live before; 0 if there was none.
    before: int
    began: float
    steps: dict[str, float] = field(default_factory=dict)
    outcome: str = ""
    why: str = ""
    ended: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether it is under way, or was interrupted."""
        return not self.outcome


class Journal:
    """The releases of this machine, oldest first."""

    def __init__(self, state: Path) -> None:
        self._folder = state / _FOLDER
        self._lock = state / _LOCK

    def all(self) -> list[Release]:
        """Return every release that was ever begun."""
        files = sorted(self._folder.glob("*.json"))
        return [Release(**_read(path)) for path in files]

    def newest(self) -> Release | None:
        """Return the release that was begun last."""
        return next(reversed(self.all()), None)

    def live(self) -> Release | None:
        """Return the live release: the last one that completed."""
        done = [one for one in self.all() if one.outcome == "done"]
        return done[-1] if done else None

    def by_number(self, number: int) -> Release | None:
        """Return the release with that number, or None."""
        return next((one for one in self.all() if one.number == number), None)

    def keep(self, release: Release) -> None:
        """Write the record atomically; it is on disk when this returns."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{release.number:06d}.json"
        write_atomically(path, json.dumps(asdict(release), indent=1).encode(), mode=0o644)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock on releases of this machine.

        Raises ReleaseRefused when another process has it.
        """
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("a", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as taken:
                raise ReleaseRefused("another release is under way on this machine") from taken
            yield


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    steps = found.get("steps", {})
    return found | {"steps": {_FORMER_STEPS.get(name, name): done for name, done in steps.items()}}
