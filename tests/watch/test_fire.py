"""Each alert fires in a real Prometheus when its fault is caused, and clears when it is fixed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from deploy.procfile import commands_of
from deploy.watch.alerts import alert_rules
from deploy.watch.make import FOLDER
from deploy.watch.objectives import LEAST_BAD
from models.core import clock
from models.entities import JobRun, Message, Reservation
from tests.architecture.tree import ROOT
from tests.services import plan
from tests.services.running.process import Process
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stack import Stack, evening
from tests.services.running.stacks import open_stack
from tests.services.servers.alertmanager import Alertmanager, Operators
from tests.services.servers.mariadb import MariaDB
from tests.services.servers.prometheus import Prometheus, in_fast_motion

pytestmark = pytest.mark.slow

LONG_AGO = timedelta(hours=4)
#: Bad events that burn an objective's budget; in a short window some count only half.
ENOUGH = 2 * LEAST_BAD
#: The labels of an alert beside its name, where one fault makes one alert.
LABELS = {
    "JobFailing": {"name": "backup"},
    "ChannelDown": {"channel": "email"},
    "ProviderFailing": {"channel": "email"},
    "WorkOverdue": {"what": "requests"},
    "JobLate": {"what": "retain"},
    "ProcessGone": {"job": "workers"},
    "AlertsUnsent": {"integration": "webhook"},
}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An installation with backups and with its database's log archived."""
    folder = tmp_path_factory.mktemp("watched")
    server = MariaDB(folder / "mariadb", durable=True)
    server.start()
    kept = {"BACKUP_STORE": str(folder / "kept"), "BACKUP_KEY": "only for tests, " * 4}
    with open_stack(folder / "stack", server, kept | {"LOG_SPOOL": str(folder / "spool")}) as stack:
        argv = ["/bin/sh", "-c", f"exec {commands_of(ROOT)['follower']}"]
        env = stack.processes["scheduler"].env
        log = stack.folder / "follower.log"
        stack.processes["follower"] = Process("follower", argv, log=log, env=env, cwd=ROOT)
        stack.processes["follower"].start()
        yield stack
        print(stack.logs())
    server.kill()


@pytest.fixture
def operators() -> Iterator[Operators]:
    """Receivers of alerts."""
    made = Operators()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def alertmanager(operators: Operators, tmp_path: Path) -> Iterator[Alertmanager]:
    """An Alertmanager that notifies the receivers."""
    made = Alertmanager(tmp_path / "alertmanager", operators.receivers)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def prometheus(watched: Stack, alertmanager: Alertmanager, tmp_path: Path) -> Iterator[Prometheus]:
    """A Prometheus that scrapes the web process, every worker and the Alertmanager."""
    rules = in_fast_motion((FOLDER / "rules" / "maitred.yml").read_text(encoding="utf-8"))
    jobs = {
        "web": [watched.port],
        "workers": list(watched.metrics_ports.values()),
        "alertmanager": [alertmanager.port],
    }
    made = Prometheus(tmp_path, rules, jobs, alertmanager=alertmanager.port)
    made.start()
    yield made
    made.stop()


def maitred(stack: Stack, *words: str, **env: str) -> int:
    """Run a `maitred` command on that installation. Return its exit status."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        [Path(sys.executable).parent / "maitred", *words],
        env=stack.env | {"PATH": path, "PYTHONPATH": str(ROOT)} | env,
        capture_output=True,
        timeout=120,
    ).returncode


class Troubles:
    """Faults: each is a block that causes it, and repairs it at the end."""

    def __init__(self, stack: Stack, restaurant: OpenRestaurant, operators: Operators) -> None:
        self.stack, self.restaurant, self.operators = stack, restaurant, operators
        #: reservations whose times were moved back
        self.shifted: list[int] = []

    def ask(self) -> int:
        """Request a table. Return the status."""
        return self.stack.post(self.restaurant, start=evening()).status

    @contextmanager
    def web_gone(self) -> Iterator[None]:
        """Kill the web process."""
        self.stack.kill9("web")
        yield
        self.stack.heal()

    @contextmanager
    def worker_gone(self) -> Iterator[None]:
        """Kill one of two workers."""
        self.stack.kill9("allocation-1")
        yield
        self.stack.heal()

    @contextmanager
    def database_gone(self) -> Iterator[None]:
        """Kill the database. Guests go on requesting tables, and get 503."""
        assert self.stack.mariadb is not None
        self.stack.mariadb.kill()
        assert self.ask() == 503
        yield
        self.stack.mariadb.start()

    @contextmanager
    def redis_gone(self) -> Iterator[None]:
        """Kill Redis."""
        self.stack.redis.kill()
        yield
        self.stack.redis.start()

    @contextmanager
    def nobody_decides(self) -> Iterator[None]:
        """Pause the workers; requests have been waiting for a minute already."""
        for worker in self.stack.deciders:
            worker.pause()
        for _ in range(ENOUGH):
            asked = self.stack.post(self.restaurant, start=evening()).id
            self._set(Reservation, asked, created_at=clock.now() - timedelta(minutes=1))
        yield
        for worker in self.stack.deciders:
            worker.resume()

    @contextmanager
    def told_too_late(self) -> Iterator[None]:
        """Messages about decisions of long ago are sent only now."""
        self.tell_late()
        yield
        # the stack goes on to other tests, whose check would find these times
        for each in self.shifted:
            self._shift(each, LONG_AGO)

    def tell_late(self) -> None:
        """Send enough messages late, once."""
        messages = self.stack.processes["messages"]
        messages.pause()
        asked = [self.stack.post(self.restaurant, start=evening()).id for _ in range(ENOUGH)]
        self.stack.wait_decided(asked)
        for each in asked:
            self._shift(each, -LONG_AGO)
        self.shifted += asked
        messages.resume()

    def decide_late(self) -> None:
        """Decide enough requests late, once."""
        with self.nobody_decides():
            pass

    @contextmanager
    def clock_stopped(self) -> Iterator[None]:
        """Stop the scheduler; a job's last success was hours ago."""
        self.stack.processes["scheduler"].terminate()
        with self.stack.engine.begin() as connection:
            job = update(JobRun).where(JobRun.name == "retain")
            connection.execute(job.values(last_success=clock.now() - LONG_AGO))
        yield
        self.stack.heal()

    @contextmanager
    def backup_fails(self) -> Iterator[None]:
        """Back up with an account that has no access."""
        nowhere = "mysql+mysqldb://nobody:nothing@127.0.0.1:1/maitred"
        assert maitred(self.stack, "backup", "create", BACKUP_URL=nowhere)
        yield
        assert not maitred(self.stack, "backup", "create", BACKUP_METHOD="dump")

    @contextmanager
    def log_not_followed(self) -> Iterator[None]:
        """Pause the process that archives the database's log; its last success was hours ago."""
        self.stack.processes["follower"].pause()
        with self.stack.engine.begin() as connection:
            job = update(JobRun).where(JobRun.name == "log")
            done = connection.execute(job.values(last_success=clock.now() - LONG_AGO))
            assert done.rowcount == 1
        yield
        self.stack.processes["follower"].resume()

    @contextmanager
    def operators_out_of_reach(self) -> Iterator[None]:
        """Make the receiver of pages unreachable while there are alerts."""
        self.operators.away.add("page")
        with self.worker_gone(), self.web_gone():
            yield
        self.operators.away.clear()

    @contextmanager
    def provider_refuses(self) -> Iterator[None]:
        """Let the mail server refuse all mail."""
        self.stack.mailbox.refuse_with = "451 later"
        for _ in range(3):
            assert self.ask() == 202
        yield
        self.stack.mailbox.refuse_with = ""

    @contextmanager
    def channel_down(self) -> Iterator[None]:
        """Stop the mail server."""
        self.stack.mailbox.stop()
        assert self.ask() == 202
        yield
        self.stack.mailbox.start()

    def _shift(self, asked: int, by: timedelta) -> None:
        """Shift the times at which the party was decided and its messages were written."""
        with Session(self.stack.engine) as session, session.begin():
            row = session.get_one(Reservation, asked)
            assert row.decided_at is not None
            row.decided_at = row.decided_at + by
            for message in session.scalars(select(Message).where(Message.reservation_id == asked)):
                message.created_at += by

    def _set(self, entity: type[Reservation], number: int, **values: object) -> None:
        with self.stack.engine.begin() as connection:
            connection.execute(update(entity).where(entity.id == number).values(**values))


@pytest.mark.mariadb
@pytest.mark.timeout(600)
def test_each_alert_fires_is_told_and_clears(
    watched: Stack, prometheus: Prometheus, operators: Operators
) -> None:
    troubles = Troubles(watched, watched.open_restaurant(), operators)
    assert troubles.ask() == 202
    watched.wait_quiet()
    # some faults fire more than one alert
    causes = {
        "ProviderFailing": troubles.provider_refuses,
        "ChannelDown": troubles.channel_down,
        "MessagesBurn": troubles.told_too_late,
        "WorkOverdue": troubles.nobody_decides,
        "JobLate": troubles.clock_stopped,
        "JobFailing": troubles.backup_fails,
        "LogLate": troubles.log_not_followed,
        "RedisGone": troubles.redis_gone,
        "DatabaseGone": troubles.database_gone,
        "ProcessGone": troubles.worker_gone,
        "WebGone": troubles.web_gone,
        "AlertsUnsent": troubles.operators_out_of_reach,
    }
    also = {"WorkOverdue": "DecisionsBurn", "DatabaseGone": "AvailabilityBurn"}
    again = {"MessagesBurn": troubles.tell_late}
    severities: dict[str, set[str]] = {}
    for rule in alert_rules():
        severities.setdefault(rule["alert"], set()).add(rule["labels"]["severity"])
    assert causes.keys() | also.values() == severities.keys(), "an alert that nobody made to fire"
    for name, cause in causes.items():
        prometheus.wait_clear(name)
        heard = len(operators.told)
        with cause():
            # events that a busy machine looks at too late are of no window any more
            prometheus.wait_firing(name, meanwhile=again.get(name, bool))
            assert prometheus.labels(name) == LABELS.get(name, {})
            if name == "DatabaseGone":
                prometheus.wait_firing(also[name], meanwhile=troubles.ask)
            reached = {"ticket"} if name == "AlertsUnsent" else severities[name]
            for receiver in reached:
                operators.wait_told(receiver, name, "firing", after=heard)
        if name == "WorkOverdue":  # measured only once it is decided
            prometheus.wait_firing(also[name], meanwhile=troubles.decide_late)
        prometheus.wait_clear(name)
        for receiver in severities[name]:
            operators.wait_told(receiver, name, "resolved", after=heard)
    for name in also.values():
        prometheus.wait_clear(name)
        for receiver in severities[name]:
            operators.wait_told(receiver, name, "resolved")
    for target in ("hosts", "compose"):
        how = "seen" if target == "hosts" else "rehearsed"
        said = f"{len(severities)} alerts fired, were told by Alertmanager, and cleared"
        plan.prove(line="alerts", target=target, how=how, figure=said)
