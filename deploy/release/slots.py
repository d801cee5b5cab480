"""A slot's processes from outside: started, asked whether they are well, ended."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from deploy.release.keeper import WEB_SECONDS, WORKER_SECONDS, WORKERS, life_file, pid_file
from deploy.release.place import NoAnswer, Place, Slot

READY_SECONDS: Final = 90.0
#: A process that fell so often does not stand.
FALLS: Final = 2


class NotWell(Exception):
    """A version does not do what it should; the text says what."""


def python_of(folder: Path) -> Path:
    """The version's own Python; ours where it has none."""
    own = folder / ".venv" / "bin" / "python"
    return own if own.exists() else Path(sys.executable)


def environment(folder: Path) -> dict[str, str]:
    """What the processes of a version get: ours, and its own code and programs first."""
    programs = f"{python_of(folder).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return dict(os.environ) | {"PATH": programs, "PYTHONPATH": str(folder)}


def run_in(folder: Path, *words: str, seconds: float = 900) -> None:
    """Run `python ...` of that version in its folder. Raises NotWell with its last words."""
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
        raise NotWell(f"{' '.join(words)}: not done after {seconds:.0f} s") from late
    if done.returncode:
        raise NotWell(f"{' '.join(words)}: {_cause(done.stderr or done.stdout)}")


def _cause(said: str) -> str:
    """The line that names what went wrong: the last one like `Error: text`, else the last one."""
    lines = [line for line in said.strip().splitlines() if line] or ["it said nothing"]
    named = [line for line in lines if re.match(r"[A-Za-z_][\w.]*: ", line)]
    return (named or lines)[-1][:300]


class Keeping:
    """The keeper of a slot, whoever started it."""

    def __init__(self, place: Place, slot: Slot) -> None:
        self._place, self._slot = place, slot
        self._pid_file = pid_file(place.state, slot)

    @property
    def is_running(self) -> bool:
        """Whether the keeper lives."""
        return self._pid() is not None

    def start(self, folder: Path) -> None:
        """Start a version in this slot, unless it runs already."""
        if self.is_running:
            return
        state = self._place.state.absolute()
        (state / "log").mkdir(parents=True, exist_ok=True)
        (state / f"{self._slot}.falls.json").unlink(missing_ok=True)
        self._place.socket(self._slot).unlink(missing_ok=True)
        metrics = state / f"{self._slot}.metrics"
        metrics.mkdir(exist_ok=True)
        for old in metrics.glob("*.db"):
            old.unlink()
        env = environment(folder) | {
            "RELEASE_NAME": folder.name,
            "GRANIAN_UDS": str(self._place.socket(self._slot).absolute()),
            "METRICS_DIR": str(metrics),
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            "LOG_SPOOL": str(state / f"{self._slot}.spool"),
        }
        env.setdefault("GRANIAN_UDS_PERMISSIONS", "0o660")
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
        while not self.is_running and keeper.poll() is None:
            sleep(0.05)

    def await_ready(self, *, seconds: float = READY_SECONDS) -> None:
        """Wait until the web process is ready and every worker listens. Raises NotWell."""
        ends, what = monotonic() + seconds, "nothing"
        while True:
            try:
                what = self._missing()
            except NoAnswer as error:
                what = f"the web process ({type(error).__name__})"
            if not what:
                return
            self.check_falls()
            if monotonic() > ends:
                raise NotWell(f"not ready after {seconds:.0f} s: {what}")
            sleep(0.2)

    def _missing(self) -> str:
        """Who does not serve yet; raises NoAnswer for the web process."""
        answer = self._place.ask(self._slot, "/readyz", seconds=5)
        if answer.status_code != 200:
            return f"/readyz says {answer.status_code}: {answer.text[:200]}"
        state = self._place.state
        deaf = (name for name in WORKERS if not life_file(state, self._slot, name).exists())
        return ", ".join(deaf)

    def check_falls(self) -> None:
        """Raises NotWell when a process does not stay up."""
        if not self.is_running:
            raise NotWell(f"its keeper ended; see {self._place.state}/log/{self._slot}.log")
        path = self._place.state / f"{self._slot}.falls.json"
        falls = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        for name, count in falls.items():
            if count >= FALLS:
                log = f"{self._place.state}/log/{self._slot}-{name}.log"
                raise NotWell(f"{name} fell {count} times; see {log}")

    def stop(self) -> None:
        """End all after their tasks and answers. Raises NotWell when they do not end."""
        pid = self._pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
        ends = monotonic() + WORKER_SECONDS + WEB_SECONDS + 10
        while self.is_running:
            if monotonic() > ends:
                raise NotWell(f"the processes of {self._slot} do not end")
            sleep(0.1)
        self._place.socket(self._slot).unlink(missing_ok=True)

    def _pid(self) -> int | None:
        """The keeper's process id; None when none holds the slot."""
        if not self._pid_file.exists():
            return None
        with self._pid_file.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read() or 0) or None
        return None
