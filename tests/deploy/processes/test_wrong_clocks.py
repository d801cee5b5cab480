"""Real processes whose clock is wrong or changed: work continues, and the cause is reported."""

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from deploy.procfile import commands_of
from models.core import clock
from models.core.database.transactions import reading, unit
from models.entities import JobRun, Lease, ProcessSeen
from models.operations.running.jobs import record_job
from models.operations.running.leases import lead
from models.queries.running.health import last_health, read_health
from models.rules.health import CLOCKS, LEADER, LEASE_TOO_LONG_SECONDS
from schedules.jobs import jobs
from schedules.producer import Producer
from tasks.leases import LeaseHolder
from tests.architecture.tree import ROOT
from tests.services.other_clock import OtherClock
from tests.services.running.process import Process, wait_until
from tests.services.servers.redis import RedisServer

HOUR = 3600
Start = Callable[[str], Process]


@pytest.fixture
def other(tmp_path: Path) -> OtherClock:
    return OtherClock(tmp_path / "clock")


@pytest.fixture
def start(service_env: dict[str, str], tmp_path: Path, other: OtherClock) -> Iterator[Start]:
    """`start("scheduler")` starts a line of the Procfile with the other clock."""
    started: list[Process] = []

    def run(name: str) -> Process:
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        env = {**service_env, **other.env, "PATH": path, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
        argv = ["/bin/sh", "-c", f"exec {commands_of(ROOT)[name]}"]
        process = Process(name, argv, log=tmp_path / f"{name}.log", cwd=ROOT)
        process.env = env | {"SWEEP_SECONDS": "1"}
        process.start()
        started.append(process)
        return process

    yield run
    for process in started:
        process.terminate(seconds=5)


def waiting(server: RedisServer, queue: str = "maintenance") -> int:
    with server.client() as client:
        return int(client.llen(queue))


@pytest.mark.slow
@pytest.mark.parametrize("step", [-HOUR, HOUR], ids=["back", "forward"])
def test_a_clock_that_is_set_by_an_hour_does_not_stop_the_scheduler(
    db: Engine, redis: RedisServer, start: Start, other: OtherClock, step: int
) -> None:
    running = start("scheduler")
    wait_until(lambda: waiting(redis) > 0, seconds=30, what="it leads and asks for jobs")
    other.set_ahead(step)
    wait_until(lambda: "system clock stepped" in running.tail(), seconds=10, what="noticed")
    redis.flush()
    wait_until(lambda: waiting(redis) > 3, seconds=15, what="it asks for jobs as before")


@pytest.mark.mariadb
def test_a_worker_whose_clock_is_ahead_works_on_and_is_named(
    db: Engine, redis: RedisServer, start: Start, other: OtherClock
) -> None:
    other.set_ahead(75)
    worker = start("allocation")
    beat = next(job for job in jobs(1, backups=False) if job.name == "heartbeat.allocation")
    Producer().send(beat)
    wait_until(lambda: _ran(beat.name), seconds=30, what="its task, which nobody calls void")
    wait_until(lambda: "clocks differ" in worker.tail(), seconds=30, what="named in its log")
    with reading() as session:
        (seen,) = session.scalars(select(ProcessSeen)).all()
        assert seen.clock_ms == pytest.approx(75_000, abs=2_000)
        assert CLOCKS in read_health(session, now=clock.now()).late


def _ran(name: str) -> bool:
    with reading() as session:
        run = session.get(JobRun, name)
        return run is not None and run.last_success is not None


def test_tasks_that_nobody_takes_do_not_pile_up(
    db: Engine, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schedules.producer.MOST_WAITING", 5)
    producer = Producer()
    for _ in range(9):
        producer.send(jobs(1, backups=False)[0])
    assert waiting(redis) == 5


@pytest.mark.both
def test_a_lease_that_a_wrong_clock_wrote_is_not_waited_for(db: Engine) -> None:
    now, wrong = clock.now(), clock.now() + timedelta(hours=1)

    def take(holder: str) -> bool:
        return unit(lambda session: lead(session, "scheduler", holder=holder, now=now, seconds=10))

    unit(lambda session: lead(session, "scheduler", holder="a", now=wrong, seconds=10))
    assert take("b")
    assert not take("c"), "the control: a lease of the usual length is respected"


@pytest.mark.mariadb
def test_a_machine_whose_clock_is_ahead_takes_no_lease_of_another(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LeaseHolder("backup", seconds=60).take()
    ahead = clock.now() + timedelta(minutes=2)
    monkeypatch.setattr(clock, "now", lambda: ahead)
    assert not LeaseHolder("backup", seconds=60).take()
    by_its_own = partial(lead, name="backup", holder="x", now=ahead, seconds=60)
    assert unit(by_its_own), "the control: by its own clock it would take it"


@pytest.mark.both
def test_readiness_says_when_nobody_leads(db: Engine) -> None:
    now = clock.now()

    def late(at: float = 0.0) -> list[str]:
        with reading() as session:
            found = last_health(session, now=now + timedelta(seconds=at))
            return list(found["late"]) if found else ["nothing known"]

    def lease(session: Session, seconds: float) -> None:
        ends = now + timedelta(seconds=seconds)
        session.merge(Lease(name="scheduler", holder="x", expires_at=ends))

    result = {"well": True, "late": []}
    unit(lambda session: record_job(session, "health", started=now, ended=now, result=result))
    assert late() == [LEADER]
    unit(lambda session: lease(session, 10))
    assert late() == []
    assert late(40) == [LEADER]
    unit(lambda session: lease(session, HOUR + LEASE_TOO_LONG_SECONDS))
    assert late() == [LEADER]
    # a health check dated in the future by a wrong clock does not count
    later = now + timedelta(hours=1)
    unit(lambda session: record_job(session, "health", started=now, ended=later, result=result))
    assert "health" in late()
