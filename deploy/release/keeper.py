"""The keeper of one slot: `python -m deploy.release.keeper SLOT STATE`, in a version's folder.

Runs the version's web process, workers and clock, as its Procfile says; starts again what falls.
SIGTERM: the clock and the workers end after their tasks, then the web process after its answers.
"""

import fcntl
import json
import os
import signal
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import Final, TextIO

from honcho.environ import parse_procfile

from deploy.supervisor import Child
from models.core.needs import given_to

#: What a slot runs of the Procfile. The other lines serve both slots.
WORKERS: Final = ("allocation", "messages", "backups")
PROCESSES: Final = ("web", *WORKERS, "follower", "scheduler")
#: A line that serves several queues is several processes in one.
_SERVES: Final = {"messages": ("messages", "maintenance")}
#: A worker may need so long for its task; then it is killed, and the task comes again.
WORKER_SECONDS: Final = 330.0
#: The web process answers what it has heard.
WEB_SECONDS: Final = 50.0
#: What fell is started again after so long, twice as long each time, up to a minute.
AGAIN_SECONDS: Final = 1.0
_MOST_SECONDS: Final = 60.0


def pid_file(state: Path, slot: str) -> Path:
    """Held by the slot's keeper as long as it lives, and its process id."""
    return state / f"{slot}.pid"


def hold(path: Path) -> TextIO | None:
    """Take the slot for this process: keep what is returned. None when another one has it."""
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def life_file(state: Path, slot: str, name: str) -> Path:
    """Touched by the slot's worker of this name since it listens."""
    return state / f"{slot}-{name}.life"


class Keeper:
    """The processes of a slot, until a signal comes."""

    def __init__(self, slot: str, state: Path) -> None:
        self._slot, self._state = slot, state
        text = Path("Procfile").read_text(encoding="utf-8")
        named = parse_procfile(text).processes
        self._commands = {name: named[name] for name in PROCESSES if name in named}
        self._children: dict[str, Child] = {}
        self._due: dict[str, float] = {}
        self._falls = dict.fromkeys(self._commands, 0)
        self._stops = False

    def run(self) -> None:
        """Start all, mend what falls, and end all cleanly."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._tell()
        for name in self._commands:
            self._start(name)
        while not self._stops:
            self._mend()
            sleep(0.2)
        workers = [name for name in self._children if name != "web"]
        self._end(workers, WORKER_SECONDS)
        self._end(["web"], WEB_SECONDS)

    def _stop(self, *_: object) -> None:
        self._stops = True

    def _start(self, name: str) -> None:
        # each slot's workers have a name of their own, so that each can be asked for
        command = self._commands[name].replace("@%h", f"-{self._slot}@%h")
        life = life_file(self._state, self._slot, name)
        life.unlink(missing_ok=True)
        env = given_to(_SERVES.get(name, (name,)), os.environ)
        env |= self._metrics(name) | {"WORKER_SIGN_OF_LIFE": str(life)}
        log = self._state / "log" / f"{self._slot}-{name}.log"
        self._children[name] = Child(name, command, env=env, log=log, listener=_silent)

    def _metrics(self, name: str) -> dict[str, str]:
        """Every worker of both slots shows its counts on a port of its own, where it shows them."""
        first = int(os.environ.get("METRICS_PORT") or 0)
        if not first:
            return {}
        offset = PROCESSES.index(name) + (10 if self._slot == "green" else 0)
        return {"METRICS_PORT": str(first + offset)}

    def _mend(self) -> None:
        for name, child in list(self._children.items()):
            if child.code is not None:
                child.close()
                del self._children[name]
                self._falls[name] += 1
                pause = min(AGAIN_SECONDS * 2 ** (self._falls[name] - 1), _MOST_SECONDS)
                self._due[name] = monotonic() + pause
                self._tell()
        for name, due in list(self._due.items()):
            if monotonic() >= due:
                del self._due[name]
                self._start(name)

    def _tell(self) -> None:
        """How often each fell, for whoever watches a release."""
        path = self._state / f"{self._slot}.falls.json"
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(self._falls), encoding="utf-8")
        draft.replace(path)

    def _end(self, names: list[str], seconds: float) -> None:
        children = [self._children[name] for name in names if name in self._children]
        for child in children:
            child.signal(signal.SIGTERM)
        ends = monotonic() + seconds
        while any(child.code is None for child in children) and monotonic() < ends:
            sleep(0.05)
        for child in children:
            child.close()


def _silent(_name: str, _line: str) -> None:
    """The line is in the log's file already."""


if __name__ == "__main__":
    if (held := hold(pid_file(Path(sys.argv[2]), sys.argv[1]))) is None:
        sys.exit(f"{sys.argv[1]} has a keeper already")
    with held:
        Keeper(sys.argv[1], Path(sys.argv[2])).run()
