"""Child processes in the foreground: starts them, logs their output, ends them with the parent."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Final

from models.core.processes import die_with_the_parent
from models.core.waiting import wait_until

#: Called with a child's name and each line it writes.
Listener = Callable[[str, str], None]

PATIENCE_SECONDS: Final = 25
LOG_BYTES: Final = 20 * 1024 * 1024


class Child:
    """One process in its own session: Ctrl-C reaches the supervisor alone, which passes it on."""

    def __init__(
        self, name: str, command: str, *, env: Mapping[str, str], log: Path, listener: Listener
    ) -> None:
        self.name = name
        self.command = command
        self.env = dict(env)
        self._keep_log_small(log)
        # a Procfile line is shell; `exec` replaces the shell by the process
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_the_parent,  # noqa: PLW1509  (one system call, no lock)
        )
        self._reader = threading.Thread(target=self._read, args=(log, listener), daemon=True)
        self._reader.start()

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the child and all of its own children."""
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            pass  # it has ended already

    def close(self) -> None:
        """Clean up after its end: kill the rest of its group, and read its remaining output."""
        self.signal(signal.SIGKILL)
        self._process.wait()
        self._reader.join(2)

    @staticmethod
    def _keep_log_small(log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".old.log"))

    def _read(self, log: Path, listener: Listener) -> None:
        output: IO[bytes] | None = self._process.stdout
        if output is None:
            return
        with output, log.open("ab", buffering=0) as kept:
            for line in output:
                try:
                    kept.write(line)
                except OSError:
                    pass  # disk full; an unread pipe would block the child
                listener(self.name, line.decode("utf-8", "replace").rstrip("\n"))


class Supervisor:
    """Starts and ends children.

    `foundations` are the processes that the others need: started first, and ended after the others.
    """

    def __init__(self, logs: Path, *, listener: Listener, foundations: frozenset[str]) -> None:
        self._logs = logs
        self._listener = listener
        self._foundations = foundations
        self._children: list[Child] = []
        #: Number of SIGINT, SIGTERM and SIGHUP received so far.
        self.stop_requests = 0

    def handle_signals(self) -> None:
        """Handle SIGINT, SIGTERM, SIGHUP: the first asks for a stop, a second for an
        immediate one.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)

    def _note(self, *_: object) -> None:
        self.stop_requests += 1

    def start(self, name: str, command: str, *, env: Mapping[str, str]) -> None:
        """Start a child. Call from the main thread: Linux ends the child when its thread ends."""
        log = self._logs / f"{name}.log"
        self._children.append(Child(name, command, env=env, log=log, listener=self._listener))

    def exited(self) -> tuple[str, int] | None:
        """Return name and exit code of a child that has ended, or None."""
        for child in self._children:
            if child.code is not None:
                return child.name, child.code
        return None

    def restart(self, name: str) -> None:
        """Restart an ended child with the same command. Call from the main thread, as `start`."""
        (child,) = self.forget(name)
        self.start(name, child.command, env=child.env)

    def forget(self, name: str) -> list[Child]:
        """Forget the ended child of that name, and return it."""
        gone = [child for child in self._children if child.name == name]
        self._children = [child for child in self._children if child.name != name]
        for child in gone:
            child.close()
        return gone

    def watch(self) -> tuple[str, int] | None:
        """Wait for a signal (return None) or for a child's end (return its name and exit code)."""
        wait_until(lambda: self.stop_requests or self.exited(), every=0.1)
        return None if self.stop_requests else self.exited()

    def stop(self) -> None:
        """Stop all children cleanly; kill them after 25 s or a second signal."""
        base = [child for child in self._children if child.name in self._foundations]
        self._end([child for child in self._children if child not in base])
        self._end(base)
        self._children.clear()

    def _end(self, children: list[Child]) -> None:
        for child in children:
            child.signal(signal.SIGTERM)
        enough = max(self.stop_requests, 1)

        def is_over() -> bool:
            have_ended = all(child.code is not None for child in children)
            return have_ended or self.stop_requests > enough

        wait_until(is_over, every=0.05, seconds=PATIENCE_SECONDS)
        for child in children:
            child.close()
