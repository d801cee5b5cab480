"""Control of a slot's processes under systemd: the units of deploy/systemd.

The caller must be allowed to start and stop them; deploy/systemd/polkit.rules grants this, and
nothing else, to the account `maitred`.
"""

import re
import subprocess
from collections.abc import Sequence
from typing import Final

from deploy.release.errors import ReleaseFailed
from deploy.release.place import Slot
from deploy.release.processes import PROCESSES

#: The unit of Flower, which serves both slots and runs the live version's code.
FLOWER: Final = "maitred-flower.service"


def target_of(slot: str) -> str:
    """Return the target with all units of a slot."""
    return f"maitred@{slot}.target"


def unit_of(line: str, slot: str) -> str:
    """Return the unit of one process of a slot."""
    return f"maitred-{line}@{slot}.service"


class Units:
    """The units of one slot."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot

    def are_started(self) -> bool:
        """Return whether the slot was started and not stopped since, even while a process
        restarts.
        """
        done = _systemctl(["is-active", "--quiet", target_of(self._slot)])
        return done.returncode == 0

    def start(self) -> None:
        """Start them all. Raises ReleaseFailed."""
        _must(["start", target_of(self._slot)])

    def stop(self) -> None:
        """End them all, the web process last, and wait. Raises ReleaseFailed."""
        own = [unit_of(line, self._slot) for line in PROCESSES]
        _must(["stop", *own, target_of(self._slot)])

    def exits(self) -> dict[str, int]:
        """Return how often each process was restarted since the slot was started."""
        own = [unit_of(line, self._slot) for line in PROCESSES]
        output = _must(["show", "--property=NRestarts", *own])
        counts = [int(number) for number in re.findall(r"^NRestarts=(\d+)$", output, re.MULTILINE)]
        return dict(zip(PROCESSES, counts, strict=True))

    def log(self, line: str) -> str:
        """Return the command that shows a process's output; of all processes for ""."""
        return f"`journalctl -u {unit_of(line or '*', self._slot)}`"


def renew_flower() -> None:
    """Restart Flower, if it runs, with the live version. Raises ReleaseFailed."""
    _must(["try-restart", FLOWER])


def _must(words: Sequence[str]) -> str:
    """Return systemctl's output. Raises ReleaseFailed with its error message when it fails."""
    done = _systemctl(words)
    if done.returncode:
        raise ReleaseFailed(f"systemctl {words[0]}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def _systemctl(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    argv = ["systemctl", "--no-ask-password", *words]
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError as missing:
        raise ReleaseFailed("RELEASE_BY=systemd, but there is no systemctl") from missing
