"""The keeper of one slot: `python -m deploy.release.keeper SLOT STATE`, in a version's folder.

Runs the version's web process, workers and scheduler from its Procfile, and restarts a process that
ends. On SIGTERM it ends the scheduler and the workers after their tasks, then the web process after
its answers.
"""

import fcntl
import json
import os
import signal
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import Final, TextIO

from deploy.embedded.supervisor import Child
from deploy.release.line import as_slots, clear_after, commands, own
from deploy.release.processes import PROCESSES, served_by, stop_seconds
from models.core.atomic_files import write_atomically
from models.core.secrets.by_process import given_to
from models.core.waiting import wait_until

#: Pause before a process is restarted; it doubles each time, up to a minute.
AGAIN_SECONDS: Final = 1.0
_MOST_SECONDS: Final = 60.0


def pid_file(state: Path, slot: str) -> Path:
    """Return the file that the slot's keeper locks while it lives. It contains the process id."""
    return state / f"{slot}.pid"


def hold(path: Path) -> TextIO | None:
    """Lock the slot for as long as the returned file is open. None when another keeper has it."""
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


class Keeper:
    """The processes of a slot, until a signal arrives."""

    def __init__(self, slot: str, state: Path) -> None:
        self._slot, self._state = slot, state
        named = commands()
        self._commands: dict[str, str] = {name: named[name] for name in PROCESSES if name in named}
        self._children: dict[str, Child] = {}
        self._due: dict[str, float] = {}
        self._exits: dict[str, int] = dict.fromkeys(self._commands, 0)
        self._stops = False

    def run(self) -> None:
        """Start all processes, restart those that end, and finally end all cleanly."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._write_exits()
        for name in self._commands:
            self._start(name)
        while not self._stops:
            self._restart_exited()
            sleep(0.2)
        workers = [name for name in self._children if name != "web"]
        self._end(workers)
        self._end(["web"])

    def _stop(self, *_: object) -> None:
        self._stops = True

    def _start(self, name: str) -> None:
        command = as_slots(self._commands[name], self._slot)
        clear_after(self._state, self._slot, name, Path(os.environ["GRANIAN_UDS"]))
        env = given_to(served_by(name), os.environ) | own(self._state, self._slot, name)
        log = self._state / "log" / f"{self._slot}-{name}.log"
        self._children[name] = Child(name, command, env=env, log=log, listener=_silent)

    def _restart_exited(self) -> None:
        for name, child in list(self._children.items()):
            if child.code is not None:
                child.close()
                del self._children[name]
                self._exits[name] += 1
                pause = min(AGAIN_SECONDS * 2 ** (self._exits[name] - 1), _MOST_SECONDS)
                self._due[name] = monotonic() + pause
                self._write_exits()
        for name, due in list(self._due.items()):
            if monotonic() >= due:
                del self._due[name]
                self._start(name)

    def _write_exits(self) -> None:
        """Write how often each process has exited, for the process that watches a release."""
        path = self._state / f"{self._slot}.falls.json"
        write_atomically(path, json.dumps(self._exits).encode(), mode=0o644, is_durable=False)

    def _end(self, names: list[str]) -> None:
        """End the processes, each within its own time limit; kill those that exceed it."""
        children = [self._children[name] for name in names if name in self._children]
        for child in children:
            child.signal(signal.SIGTERM)
        began = monotonic()

        def have_ended() -> bool:
            spent = monotonic() - began
            for child in list(children):
                if child.code is not None or spent > stop_seconds([child.name]):
                    child.close()
                    children.remove(child)
            return not children

        wait_until(have_ended, every=0.05)


def _silent(_name: str, _line: str) -> None:
    """Do nothing: the line is in the log file already."""


if __name__ == "__main__":
    if (held := hold(pid_file(Path(sys.argv[2]), sys.argv[1]))) is None:
        sys.exit(f"{sys.argv[1]} already has a keeper")
    with held:
        Keeper(sys.argv[1], Path(sys.argv[2])).run()
