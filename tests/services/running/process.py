"""One child process: started with a log file, awaited, killed by its own pid."""

import atexit
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from models.core import waiting


class NotReady(AssertionError):
    """A server ended or stayed silent instead of becoming ready."""


def wait_until(
    is_true: Callable[[], object],
    *,
    seconds: float,
    what: str | Callable[[], object],
    every: float = 0.02,
) -> None:
    """Poll until `is_true()`; raises NotReady, naming `what`, after `seconds`."""
    if not waiting.wait_until(is_true, every=every, seconds=seconds):
        missing = what() if callable(what) else what
        raise NotReady(f"not within {seconds:g} s: {missing}")


class Process:
    """A child in its own process group, so that its children end with it."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.argv = [str(part) for part in argv]
        self.log = log
        self.env = dict(os.environ if env is None else env)
        self.cwd = cwd
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._child is not None, f"{self.name} was never started"
        return self._child.pid

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The child's exit code; None while it lives."""
        return None if self._child is None else self._child.poll()

    def start(self) -> None:
        """Start the child; its output is appended to the log file."""
        assert not self.is_running, f"{self.name} runs already"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.cwd,
                start_new_session=True,
            )
        atexit.register(self.kill)

    def wait_ready(self, is_ready: Callable[[], object], *, seconds: float = 30) -> None:
        """Wait for `is_ready()`. Raises NotReady with the end of the log when it stays false."""

        def ready_or_dead() -> bool:
            if not self.is_running:
                raise NotReady(f"{self.name} ended at once:\n{self.tail()}")
            return bool(is_ready())

        try:
            wait_until(ready_or_dead, seconds=seconds, what=f"{self.name} ready")
        except NotReady as silent:
            raise NotReady(f"{silent}\n{self.tail()}") from silent

    def terminate(self, *, seconds: float = 15) -> None:
        """SIGTERM, then SIGKILL for the whole group after `seconds`."""
        if self._child is None:
            return
        if self.is_running:
            self._child.terminate()
            try:
                self._child.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def kill(self) -> None:
        """SIGKILL for the whole group, and wait until it is gone."""
        atexit.unregister(self.kill)
        if self._child is None:
            return
        try:
            os.killpg(self._child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._child.wait(10)

    def pause(self) -> None:
        """SIGSTOP."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def tail(self, lines: int = 60) -> str:
        if not self.log.exists():
            return "(no log)"
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])
