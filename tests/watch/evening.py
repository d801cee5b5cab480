"""An evening with known figures: played on a real installation, and counted by the client."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
from sqlalchemy import update

from models.core import clock
from models.entities import JobRun, Message, Reservation
from models.rules.health import LATE_AFTER, WALL_TIMES
from models.rules.reservations.lifecycle import Status
from tests.services.running.process import wait_until
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stack import Asked, Stack, evening
from tests.services.running.stacks import open_stack
from tests.services.servers.mariadb import MariaDB

RELEASE = "the-known-one"
#: Tonight's parties: (status, their sizes).
TONIGHT = (
    (Status.ARRIVED, (2,)),
    (Status.SEATED, (4, 1)),
    (Status.FINISHED, (3, 3, 2)),
    (Status.NO_SHOW, (2, 4)),
    (Status.EXPIRED, (1,)),
)
ROUND, WAITING, REFUSED, TASKS = 7, 3, 2, 5
WAITED = timedelta(seconds=100)
TASK = "maintenance.wall_times"
TWO_TABLES = {"1": ("hall", 1, 2), "2": ("hall", 1, 4)}
HALL = {str(number): ("hall", 1, 4) for number in range(12)}
_SEND = f"from tasks.app import app; [app.send_task('{TASK}') for _ in range({TASKS})]"


@dataclass
class Known:
    """The installation, and the counts on the guests' side."""

    stack: Stack
    kept: Path
    #: status -> answers
    answers: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    tasks: float = 0.0
    looks: Counter[str] = field(default_factory=Counter)

    def heard(self, answer: httpx.Response) -> None:
        """Count one answer."""
        answer.read()
        if answer.request.url.path not in ("/healthz", "/readyz", "/metrics"):
            self.answers[str(answer.status_code)] += 1
            self.slowest = max(self.slowest, answer.elapsed.total_seconds())


@contextmanager
def known_evening(folder: Path) -> Iterator[Known]:
    """An installation at rest: no scheduled jobs run. Call `play` on it."""
    server, kept = MariaDB(folder / "mariadb"), folder / "kept"
    server.start()
    env = {"BACKUP_STORE": str(kept), "BACKUP_KEY": "only for tests, " * 4, "BACKUP_LOG": "off"}
    with open_stack(folder / "stack", server, env | {"RELEASE_NAME": RELEASE}) as stack:
        stack.processes["scheduler"].terminate()
        known = Known(stack, kept)
        stack._client.event_hooks["response"].append(known.heard)
        yield known
        print(stack.logs())
    server.kill()


def play(known: Known) -> None:
    """Request, decide and notify; make and verify a backup; let two servers fail."""
    stack = known.stack
    _room_is_made(stack)
    _a_round(stack)
    for words in (
        ("backup", "create"),
        ("backup", "drill"),
        ("flags", "set", "exact-seating", "--percent", "30"),
    ):
        _run(stack, "-m", "deploy.cli", *words)
    _tonight(stack)
    _looks(known)
    stack.mailbox.refuse_with = "451 later"
    hall = stack.open_restaurant(tables=HALL)
    stack.wait_decided(stack.post(hall, start=evening(5)).id for _ in range(REFUSED))
    stack.wait_quiet()
    with stack.engine.begin() as connection:
        again = update(Message).where(Message.state == "queued", Message.attempts > 0)
        connection.execute(again.values(due_at=clock.now() + timedelta(hours=1)))
    stack.mailbox.refuse_with = ""
    assert stack.mariadb is not None
    stack.mariadb.kill()
    assert stack.post(hall, start=evening(6)).status == 503
    stack.mariadb.start()
    stack.engine.dispose()
    wait_until(lambda: _is_served(stack, hall), seconds=30, what="it serves again")
    known.tasks = _tasks(stack) + TASKS
    _run(stack, "-c", _SEND)
    wait_until(lambda: _tasks(stack) == known.tasks, seconds=60, what="these tasks")
    asked = [stack.post(hall, start=evening(7), wait=10).id for _ in range(WAITING)]
    stack.wait_quiet()
    with stack.engine.begin() as connection:
        # as if they were undecided; no scheduled job and no guest wakes a worker
        rows = update(Reservation).where(Reservation.id.in_(asked))
        connection.execute(rows.values(status=Status.REQUESTED))
        # and one job is overdue, however fast this machine was
        looked = update(JobRun).where(JobRun.name == WALL_TIMES)
        long_ago = clock.now() - timedelta(seconds=2 * LATE_AFTER[WALL_TIMES])
        assert connection.execute(looked.values(last_success=long_ago)).rowcount == 1


def _tasks(stack: Stack) -> float:
    """Return how often the worker has run that task, by its own metrics."""
    text = httpx.get(f"http://127.0.0.1:{stack.metrics_ports['messages']}/metrics").text
    found = re.search(rf'^maitred_tasks_total{{.*task="{TASK}"}} (\S+)', text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def _is_served(stack: Stack, hall: OpenRestaurant) -> bool:
    return bool(stack._client.get(f"/api/v1/restaurants/{hall.slug}").status_code == 200)


def _room_is_made(stack: Stack) -> None:
    """Re-seat a party so that another fits. The next one finds no table, and is told so."""
    restaurant = stack.open_restaurant(tables=TWO_TABLES)

    def ask(party_size: int) -> Asked:
        asked = stack.post(restaurant, start=evening(3), party_size=party_size, wait=10)
        assert asked.status == 201, asked.body
        return asked

    first, _ = ask(2), ask(2)
    assert stack.cancel(first).status == 200
    stack.wait_quiet()
    assert ask(4).body["status"] == "confirmed"
    assert ask(4).body["status"] != "confirmed"


def _a_round(stack: Stack) -> None:
    """Decide many requests in one round, late, with a text message for each."""
    restaurant = stack.open_restaurant(tables=HALL)
    for worker in stack.deciders:
        worker.pause()
    asked = [
        stack.post(restaurant, start=evening(4), phone=f"+49301234{5678 + number}").id
        for number in range(ROUND)
    ]
    with stack.engine.begin() as connection:
        rows = update(Reservation).where(Reservation.id.in_(asked))
        connection.execute(rows.values(created_at=clock.now() - WAITED))
    for worker in stack.deciders:
        worker.resume()
    stack.wait_decided(asked)
    stack.wait_quiet()


def _tonight(stack: Stack) -> None:
    """Create parties of an hour ago, of each status."""
    restaurant = stack.open_restaurant(tables=HALL)
    for status, sizes in TONIGHT:
        for size in sizes:
            asked = stack.post(restaurant, start=evening(8), party_size=size, wait=10)
            begun = clock.now() - timedelta(hours=1)
            moved = {"status": status, "starts_at": begun, "ends_at": begun + timedelta(hours=2)}
            with stack.engine.begin() as connection:
                row = update(Reservation).where(Reservation.id == asked.id)
                connection.execute(row.values(**moved))


def _looks(known: Known) -> None:
    """Query the same availability four times: the first one reads the database."""
    restaurant = known.stack.open_restaurant(tables=HALL)
    path = f"/api/v1/restaurants/{restaurant.slug}/availability"
    day = f"{evening(9):%Y-%m-%d}"
    for source in ("database", "cache", "cache", "cache"):
        answer = known.stack._client.get(path, params={"date": day, "party_size": 2})
        assert answer.status_code == 200
        known.looks[source] += 1


def _run(stack: Stack, *words: str) -> None:
    env = stack.processes["web"].env
    done = subprocess.run([sys.executable, *words], env=env, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
