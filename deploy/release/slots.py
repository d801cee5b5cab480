"""Start, check and end the processes of a slot from outside."""

import fcntl
import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Final

from deploy.release.errors import ReleaseFailed
from deploy.release.keeper import pid_file
from deploy.release.line import environment, life_file, python_of, shared
from deploy.release.place import NoAnswer, Place, Slot
from deploy.release.processes import WORKERS, stop_seconds
from deploy.release.units import Units
from models.core.settings import settings
from models.core.waiting import wait_until

READY_SECONDS: Final = 90.0
#: A process that ended this often is considered unstable.
MAX_EXITS: Final = 2


def run_in(folder: Path, *words: str, seconds: float = 900) -> None:
    """Run `python ...` of that version in its folder. Raises ReleaseFailed with its error."""
    try:
        done = subprocess.run(
            [python_of(folder), *words],
            cwd=folder,
            env=environment(folder),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise ReleaseFailed(f"{' '.join(words)}: not finished after {seconds:.0f} s") from late
    if done.returncode:
        raise ReleaseFailed(f"{' '.join(words)}: {_cause(done.stderr or done.stdout)}")


def _cause(output: str) -> str:
    """Return the line that names the error: the last like `Error: text`, else the last one."""
    lines = [line for line in output.strip().splitlines() if line] or ["no output"]
    named = [line for line in lines if re.match(r"[A-Za-z_][\w.]*: ", line)]
    return (named or lines)[-1][:300]


class SlotProcesses:
    """The processes of a slot, run by systemd or by a keeper that any process may have started."""

    def __init__(self, place: Place, slot: Slot) -> None:
        self._place, self._slot = place, slot
        self._pid_file = pid_file(place.state, slot)
        self._units = Units(slot) if settings().release_by == "systemd" else None

    @property
    def is_running(self) -> bool:
        """Whether the slot was started and has not ended since."""
        return self._units.are_started() if self._units else self._pid() is not None

    def start(self, folder: Path) -> None:
        """Start a version in this slot, unless one runs already. Raises ReleaseFailed."""
        if self.is_running:
            return
        state = self._place.state.absolute()
        (state / "log").mkdir(parents=True, exist_ok=True)
        (state / f"{self._slot}.falls.json").unlink(missing_ok=True)
        self._place.socket(self._slot).unlink(missing_ok=True)
        for name in WORKERS:
            life_file(state, self._slot, name).unlink(missing_ok=True)
        self._place.metrics(self._slot).mkdir(exist_ok=True)
        for old in self._place.metrics(self._slot).glob("*.db"):
            old.unlink()
        self._place.name(self._slot, folder)
        if self._units:
            self._units.start()
        else:
            self._start_keeper(folder, state)

    def _start_keeper(self, folder: Path, state: Path) -> None:
        env = environment(folder) | shared(self._place, self._slot, folder)
        with (state / "log" / f"{self._slot}.log").open("ab") as log:
            keeper = subprocess.Popen(
                [python_of(folder), "-m", "deploy.release.keeper", self._slot, state],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(lambda: self.is_running or keeper.poll() is not None, every=0.05)

    def await_ready(self, *, seconds: float = READY_SECONDS) -> None:
        """Wait until the web process is ready and every worker listens. Raises ReleaseFailed."""
        what = ""

        def is_ready() -> bool:
            nonlocal what
            try:
                what = self._missing()
            except NoAnswer as error:
                what = f"the web process ({type(error).__name__})"
            if what:
                self.check_exits()
            return not what

        if not wait_until(is_ready, every=0.2, seconds=seconds):
            raise ReleaseFailed(f"not ready after {seconds:.0f} s: {what}")

    def _missing(self) -> str:
        """Name the processes not ready yet. Raises NoAnswer if the web process does not answer."""
        answer = self._place.ask(self._slot, "/readyz", seconds=5)
        if answer.status_code != 200:
            return f"/readyz returned {answer.status_code}: {answer.text[:200]}"
        state = self._place.state
        silent = (name for name in WORKERS if not life_file(state, self._slot, name).exists())
        return ", ".join(silent)

    def check_exits(self) -> None:
        """Raise ReleaseFailed when a process does not stay up."""
        if not self.is_running:
            raise ReleaseFailed(f"{self._slot} ended; see {self._log()}")
        for name, count in self._exits().items():
            if count >= MAX_EXITS:
                raise ReleaseFailed(f"{name} exited {count} times; see {self._log(name)}")

    def _exits(self) -> dict[str, int]:
        if self._units:
            return self._units.exits()
        path = self._place.state / f"{self._slot}.falls.json"
        found: dict[str, int] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        return found

    def _log(self, name: str = "") -> str:
        """Return where the reason is logged."""
        if self._units:
            return self._units.log(name)
        return f"{self._place.state}/log/{self._slot}{f'-{name}' if name else ''}.log"

    def stop(self) -> None:
        """End all processes after their tasks and answers. Raises ReleaseFailed if they do not."""
        if self._units:
            self._units.stop()
        elif (pid := self._pid()) is not None:
            os.kill(pid, signal.SIGTERM)
        seconds = stop_seconds(WORKERS) + stop_seconds(["web"]) + 10
        if not wait_until(lambda: not self.is_running, every=0.1, seconds=seconds):
            raise ReleaseFailed(f"the processes of {self._slot} did not stop")
        self._place.socket(self._slot).unlink(missing_ok=True)

    def _pid(self) -> int | None:
        """Return the keeper's process id; None when no keeper holds the slot."""
        if not self._pid_file.exists():
            return None
        with self._pid_file.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read() or 0) or None
        return None
