"""The whole house in the foreground, on this machine alone: `maitred up`.

Everything it keeps is in `var/`. The processes are those of the Procfile; what they say is in
`var/log/`, warnings come to the terminal as well.
"""

import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import httpx
import redis
from honcho.environ import parse_procfile
from sqlalchemy.exc import SQLAlchemyError

from deploy.database import migrate
from deploy.embedded import VAR, AlreadyRunning, House
from deploy.opening import SignInCard, open_demo
from deploy.supervisor import Supervisor
from deploy.terminal import Terminal, sign
from models.core import clock
from models.core.db import reading
from models.core.log import configure_logging
from models.core.settings import settings
from models.core.signals import make_client
from models.entities.house import JobRun
from models.rules.health import LATE_AFTER

ROOT: Final = Path(__file__).resolve().parent.parent
#: Started first and ended last; left out when the environment names another server.
FOUNDATIONS: Final = {"valkey": "REDIS_URL", "mailbox": "SMTP_URL"}
READY_SECONDS: Final = 120


class NotReady(Exception):
    """The house did not open; the text says why."""


class Opening:
    """One run of the house, from its folder to its end."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._terminal = Terminal()
        theirs = {name for name, variable in FOUNDATIONS.items() if os.environ.get(variable)}
        self._commands = {
            name: command
            for name, command in parse_procfile(
                (ROOT / "Procfile").read_text(encoding="utf-8")
            ).processes.items()
            if name not in theirs
        }
        self._children = Supervisor(
            house.folder / "log", listener=self._terminal.hear, foundations=frozenset(FOUNDATIONS)
        )

    def run(self) -> int:
        """Open, watch, close. 0 when a signal ended it, 1 when a process fell or did not come."""
        began = monotonic()
        self._children.heed_signals()
        ports = self._house.choose_ports(self._terminal.say)
        os.environ.update(self._house.environment(ports))
        _put_first("PATH", Path(sys.executable).parent)
        _put_first("PYTHONPATH", ROOT)
        try:
            cards = self._open()
            self._terminal.say(sign(self._house.folder, cards, monotonic() - began))
            fallen = self._children.watch()
        except NotReady as reason:
            self._terminal.say(f"Maitred did not open: {reason}")
            return 0 if self._children.asked_to_stop else 1
        finally:
            self._terminal.say("Closing ...")
            self._children.stop()
        if fallen:
            self._terminal.say(self._fall(*fallen))
            return 1
        self._terminal.say("Closed.")
        return 0

    def _open(self) -> list[SignInCard]:
        self._house.empty_metrics()
        self._start(*(name for name in FOUNDATIONS if name in self._commands))
        configure_logging()
        migrate()
        cards = open_demo(self._house.secret)
        self._await(_redis_answers, "Redis to answer")
        started = clock.now()
        self._start(*(name for name in self._commands if name not in FOUNDATIONS))
        self._house.note_running(settings().public_url)
        self._await(lambda: _web_answers("WEB_PORT", "/readyz"), "the web server")
        self._await(lambda: _every_queue_moves(started), "the workers and the clock")
        self._await(lambda: _web_answers("FLOWER_PORT", "/healthcheck"), "Flower")
        return cards

    def _start(self, *names: str) -> None:
        for name in names:
            self._children.start(name, self._commands[name], env=os.environ)

    def _await(self, is_there: Callable[[], bool], what: str) -> None:
        ends = monotonic() + READY_SECONDS
        while not is_there():
            if fallen := self._children.fallen():
                raise NotReady(self._fall(*fallen))
            if self._children.asked_to_stop:
                raise NotReady("it was stopped")
            if monotonic() > ends:
                raise NotReady(f"waited {READY_SECONDS} s for {what}; see {self._house.folder}/log")
            sleep(0.1)

    def _fall(self, name: str, code: int) -> str:
        return f"{name} ended by itself (exit code {code}). Its last lines:\n" + (
            self._terminal.last_lines(name)
        )


def _put_first(variable: str, folder: Path) -> None:
    rest = os.environ.get(variable)
    os.environ[variable] = f"{folder}{os.pathsep}{rest}" if rest else str(folder)


def _redis_answers() -> bool:
    try:
        with make_client(answer_seconds=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _web_answers(port: str, path: str) -> bool:
    try:
        answer = httpx.get(f"http://127.0.0.1:{os.environ[port]}{path}", timeout=5)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200


def _every_queue_moves(since: datetime) -> bool:
    """Whether a heartbeat went from the clock through Redis and each worker into the database."""
    beats = [name for name in LATE_AFTER if name.startswith("heartbeat.")]
    try:
        with reading() as session:
            runs = [session.get(JobRun, name) for name in beats]
            return all(run and run.last_success and run.last_success > since for run in runs)
    except SQLAlchemyError:
        return False


def up(folder: Path = VAR) -> int:
    """Open the house of `folder` (`var/` here), and return when it is closed: the exit code."""
    house = House(folder)
    try:
        house.take()
    except AlreadyRunning as other:
        print(f"Maitred runs here already ({other}). Ctrl-C there closes it.", file=sys.stderr)
        return 1
    try:
        return Opening(house).run()
    finally:
        house.leave()


if __name__ == "__main__":
    sys.exit(up())
