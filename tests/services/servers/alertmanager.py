"""Debian's Alertmanager, started by the shipped script, and its receivers."""

import re
import shutil
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import orjson

from deploy.watch.make import FOLDER
from tests.services.fake_servers import FakeServer, QuietHandler
from tests.services.missing import require_program
from tests.services.ports import free_port
from tests.services.running.process import Process, wait_until

ROUTES = "alertmanager.yml"
SCRIPT = "alertmanager.sh"


class Operators(FakeServer):
    """Receives alerts at /page and /ticket: (receiver, alert's name, firing or resolved)."""

    def __init__(self) -> None:
        super().__init__(_handler(self))
        self.told: list[tuple[str, str, str]] = []
        #: receivers that are unreachable
        self.away: set[str] = set()

    @property
    def receivers(self) -> str:
        """The content of an operator's secrets/alert_receivers."""
        return "receivers:\n" + "".join(
            f"  - name: {name}\n    webhook_configs: [{{url: 'http://127.0.0.1:{self.port}/{name}'}}]\n"
            for name in ("page", "ticket")
        )

    def wait_told(self, receiver: str, name: str, state: str, *, after: int = 0) -> None:
        """Wait for that alert there, ignoring the first `after` of all alerts."""
        wait_until(
            lambda: (receiver, name, state) in self.told[after:],
            seconds=60,
            what=f"{receiver} is told that {name} is {state}",
            every=0.1,
        )


def _handler(operators: Operators) -> type[BaseHTTPRequestHandler]:
    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = orjson.loads(self.body())
            receiver = self.path.strip("/")
            is_away = receiver in operators.away
            if not is_away:
                operators.told += [
                    (receiver, each["labels"]["alertname"], each["status"])
                    for each in body["alerts"]
                ]
            self.answer(500 if is_away else 200)

    return Handler


def in_a_second(routes: str) -> str:
    """Set every interval of the routes to a second; receivers are unchanged."""
    return re.sub(r"(group_wait|group_interval): \S+", r"\1: 1s", routes)


class Alertmanager:
    """An Alertmanager with those receivers and intervals of a second."""

    def __init__(self, folder: Path, receivers: str, *, words: Sequence[str] = ()) -> None:
        for program in ("prometheus-alertmanager", "amtool"):
            require_program(program)
        self.port = free_port()
        shipped = folder / "shipped"
        shipped.mkdir(parents=True)
        shutil.copy(FOLDER / SCRIPT, shipped / SCRIPT)
        (shipped / ROUTES).write_text(in_a_second((FOLDER / ROUTES).read_text("utf-8")))
        (folder / "receivers").write_text(receivers, encoding="utf-8")
        argv = [
            *("sh", str(shipped / SCRIPT), str(folder / "receivers"), str(folder)),
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
            *words,
        ]
        self.process = Process("alertmanager", argv, log=folder / "alertmanager.log")

    def start(self) -> None:
        """Start, and wait until it listens."""
        self.process.start()
        self.process.wait_ready(lambda: "Listening" in self.process.tail())

    def stop(self) -> None:
        self.process.terminate()
