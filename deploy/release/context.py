"""What each step of a release is given."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.release.journal import Journal, Release
from deploy.release.place import Place, Slot

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ReleaseContext:
    """Context of a step. `old` is the slot that serves now; None at the first release."""

    place: Place
    journal: Journal
    release: Release
    old: Slot | None
    say: Say

    @property
    def new(self) -> Slot:
        """The slot of the new version."""
        return self.release.slot

    @property
    def folder(self) -> Path:
        """The folder of the new version."""
        return Path(self.release.folder)
