"""The whole installation in the foreground, on this machine only: `maitred up`.

All data is in `var/`. The processes are those of the Procfile; their output goes to `var/log/`, and
their warnings to the terminal as well.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from deploy.database import migrate
from deploy.embedded.answers import (
    every_queue_moves,
    mailbox_answers,
    redis_answers,
    web_answers,
    workers_answer,
)
from deploy.embedded.folder import PORTS, VAR, AlreadyRunning, VarFolder, is_free
from deploy.embedded.opening import SignInCard, open_demo
from deploy.embedded.supervisor import Supervisor
from deploy.embedded.terminal import Terminal, sign
from deploy.procfile import commands_of
from models.core import clock
from models.core.observe.logs import configure_logging
from models.core.settings import settings
from models.core.waiting import wait_until

ROOT: Final = Path(__file__).resolve().parents[2]
#: Processes that only observe: the installation keeps running without them.
OBSERVERS: Final = frozenset({"flower"})
#: A process is restarted at most this often within RESTART_WINDOW_SECONDS.
MAX_RESTARTS: Final = 5
RESTART_WINDOW_SECONDS: Final = 600
#: Attempts to start, each with new ports, when another program takes a chosen one meanwhile.
START_ATTEMPTS: Final = 3
#: Started first and ended last; left out when this variable names another server.
FOUNDATIONS: Final = {"valkey": "REDIS_URL", "mailbox": "SMTP_URL"}
READY_SECONDS: Final = 120


class NotReady(Exception):
    """Maitred did not start; the text gives the reason."""


class PortTaken(Exception):
    """Another program has taken a port that was free. The text names it."""


class EmbeddedRun:
    """One run of the installation, from start to stop."""

    def __init__(self, var_folder: VarFolder) -> None:
        self._var_folder = var_folder
        self._terminal = Terminal()
        self._ports: dict[str, int] = {}
        self._without: set[str] = set()
        theirs = {name for name, variable in FOUNDATIONS.items() if os.environ.get(variable)}
        self._commands = {
            name: command for name, command in commands_of(ROOT).items() if name not in theirs
        }
        self._children = Supervisor(
            var_folder.folder / "log",
            listener=self._terminal.hear,
            foundations=frozenset(FOUNDATIONS),
        )

    def run(self) -> int:
        """Start, watch, stop.

        Return 0 after a signal, 1 when a process ended or did not get ready.
        """
        self._children.handle_signals()
        try:
            self._terminal.say(self._open_somewhere())
            exited = self._watch()
        except NotReady as reason:
            self._terminal.say(f"Maitred did not start: {reason}")
            return 0 if self._children.stop_requests else 1
        finally:
            self._terminal.say("Stopping ...")
            self._children.stop()
        if exited:
            self._terminal.say(self._exit_text(*exited))
            return 1
        self._terminal.say("Stopped.")
        return 0

    def _open_somewhere(self) -> str:
        """Start, on other ports if one was taken meanwhile. Return the block of addresses."""
        began, given = monotonic(), dict(os.environ)
        for _ in range(START_ATTEMPTS):
            self._ports = self._var_folder.choose_ports(self._terminal.say)
            os.environ.clear()
            os.environ.update(given)
            os.environ.update(self._var_folder.environment(self._ports))
            settings.cache_clear()
            _put_first("PATH", Path(sys.executable).parent)
            _put_first("PYTHONPATH", ROOT)
            try:
                return sign(self._var_folder.folder, self._open(), monotonic() - began)
            except PortTaken as taken:
                self._terminal.say(f"{taken} Trying again.")
                self._children.stop()
        raise NotReady(f"another program took a port in each of {START_ATTEMPTS} attempts")

    def _open(self) -> list[SignInCard]:
        self._var_folder.empty_metrics()
        self._start(*(name for name in FOUNDATIONS if name in self._commands))
        configure_logging()
        migrate()
        cards = open_demo(self._var_folder.secret)
        self._await(redis_answers, "Redis to answer")
        started = clock.now()
        # SQLite has no binary log to follow
        left_out = FOUNDATIONS.keys() | (set() if settings().keeps_log else {"follower"})
        self._start(*(name for name in self._commands if name not in left_out))
        self._var_folder.note_running(settings().public_url)
        self._await(lambda: web_answers("WEB_PORT", "/readyz"), "the web server")
        self._await(lambda: every_queue_moves(started), "the workers and the clock")
        self._await(lambda: workers_answer(self._commands), "every worker")
        if "mailbox" in self._commands:
            self._await(mailbox_answers, "the mailbox")
        self._await(self._flower_answers, "Flower")
        return cards

    def _flower_answers(self) -> bool:
        return "flower" in self._without or web_answers("FLOWER_PORT", "/healthcheck")

    def _start(self, *names: str) -> None:
        for name in names:
            self._children.start(name, self._commands[name], env=os.environ)

    def _await(self, is_there: Callable[[], bool], what: str) -> None:
        def is_there_yet() -> bool:
            if is_there():
                return True
            if exited := self._children.exited():
                self._handle_exit(*exited)
            if self._children.stop_requests:
                raise NotReady("it was stopped")
            return False

        if not wait_until(is_there_yet, every=0.1, seconds=READY_SECONDS):
            log = self._var_folder.folder / "log"
            raise NotReady(f"waited {READY_SECONDS} s for {what}; see {log}")

    def _handle_exit(self, name: str, code: int) -> None:
        """Handle a process that ends during start: change ports, drop an observer, or give up."""
        port = PORTS.get(name)
        if port and not is_free(self._ports[port]):
            raise PortTaken(f"Port {self._ports[port]} ({name}) was taken by another program.")
        if name not in OBSERVERS:
            raise NotReady(self._exit_text(name, code))
        self._continue_without(name, code)

    def _watch(self) -> tuple[str, int] | None:
        """Wait for a signal (None), or a process that keeps ending (its name and exit code)."""
        exits: dict[str, list[float]] = {}
        while exited := self._children.watch():
            name, code = exited
            now = monotonic()
            recent = [at for at in exits.get(name, []) if now - at < RESTART_WINDOW_SECONDS]
            exits[name] = [*recent, now]
            if len(recent) < MAX_RESTARTS:
                self._terminal.say(f"{self._exit_text(name, code)}\n{name} is being restarted.")
                sleep(len(recent))
                self._children.restart(name)
            elif name in OBSERVERS:
                self._continue_without(name, code)
            else:
                return exited
        return None

    def _continue_without(self, name: str, code: int) -> None:
        self._terminal.say(f"{self._exit_text(name, code)}\nMaitred continues without {name}.")
        self._children.forget(name)
        self._without.add(name)

    def _exit_text(self, name: str, code: int) -> str:
        return f"{name} ended unexpectedly (exit code {code}). Its last lines:\n" + (
            self._terminal.last_lines(name)
        )


def _put_first(variable: str, folder: Path) -> None:
    rest = os.environ.get(variable)
    os.environ[variable] = f"{folder}{os.pathsep}{rest}" if rest else str(folder)


def up(folder: Path = VAR) -> int:
    """Run the installation of `folder` (`var/` by default) until it stops. Return the exit code."""
    var_folder = VarFolder(folder)
    try:
        var_folder.take()
    except AlreadyRunning as other:
        print(f"Maitred already runs here ({other}). Stop it there with Ctrl-C.", file=sys.stderr)
        return 1
    try:
        return EmbeddedRun(var_folder).run()
    finally:
        var_folder.leave()


if __name__ == "__main__":
    sys.exit(up())
