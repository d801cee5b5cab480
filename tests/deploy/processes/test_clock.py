"""The scheduler as real processes: one leads, a lost leader is replaced, outages do not end it."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from models.core.database.transactions import reading
from models.entities import Lease
from models.rules.health import LATE_AFTER, OF_BACKUPS, OF_SECOND_STORE, OF_THE_LOG
from schedules.jobs import jobs
from schedules.leader import LEASE_SECONDS, RENEW_SECONDS
from tasks.queues import BACKUPS, QUEUES, TASKS
from tests.architecture.tree import ROOT
from tests.services.running.process import Process, wait_until
from tests.services.servers.mariadb import MariaDB
from tests.services.servers.redis import RedisServer

StartClock = Callable[[str], Process]
#: The queue of backups has a heartbeat only if backups are configured.
BEATING = set(QUEUES) - {BACKUPS}


@pytest.fixture
def clock(service_env: dict[str, str], tmp_path: Path) -> Iterator[StartClock]:
    """`clock("a")` starts a scheduler; all are ended after the test."""
    started: list[Process] = []

    def start(name: str) -> Process:
        env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **service_env, "SWEEP_SECONDS": "1"}
        argv = [sys.executable, "-m", "schedules.entry"]
        process = Process(name, argv, log=tmp_path / f"{name}.log", env=env, cwd=ROOT)
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate(seconds=5)


def leader() -> int | None:
    """Return the pid of the lease holder."""
    with reading() as session:
        holder = session.scalar(select(Lease.holder))
    return int(holder.split(":")[1]) if holder else None


def waiting(server: RedisServer, queue: str = "maintenance") -> int:
    with server.client() as client:
        return int(client.llen(queue))


@pytest.mark.slow
def test_a_killed_leader_is_replaced_and_a_stopped_one_at_once(
    db: Engine, redis: RedisServer, clock: StartClock
) -> None:
    first = clock("first")
    wait_until(lambda: leader() == first.pid, seconds=15, what="the first leads")
    second = clock("second")
    wait_until(lambda: waiting(redis) > 0, seconds=15, what="a job enqueued")
    assert leader() == first.pid

    first.kill()
    died = time.monotonic()
    wait_until(lambda: leader() == second.pid, seconds=15, what="the second leads")
    assert time.monotonic() - died < 15
    redis.flush()
    wait_until(lambda: waiting(redis) > 0, seconds=5, what="the second enqueues")

    third = clock("third")
    wait_until(lambda: "scheduler started" in third.tail(), seconds=15, what="the third runs")
    second.terminate()
    wait_until(lambda: leader() == third.pid, seconds=RENEW_SECONDS + 2, what="the third leads")
    assert "scheduler stopped" in second.tail()
    assert "Traceback" not in second.tail()


def test_only_the_leader_enqueues(db: Engine, redis: RedisServer, clock: StartClock) -> None:
    leading = clock("leading")
    wait_until(lambda: leader() == leading.pid, seconds=15, what="one leads")
    following = clock("following")
    wait_until(lambda: "scheduler started" in following.tail(), seconds=15, what="two run")
    leading.pause()
    redis.flush()
    time.sleep(3)
    assert waiting(redis) == 0
    leading.resume()
    wait_until(lambda: waiting(redis) > 0, seconds=5, what="the leader goes on")


def test_an_absent_broker_is_waited_for(
    db: Engine, service_env: dict[str, str], clock: StartClock, tmp_path: Path
) -> None:
    server = RedisServer(tmp_path / "late", kind="valkey")
    service_env["REDIS_URL"] = server.url
    running = clock("lonely")
    wait_until(lambda: "broker unavailable" in running.tail(), seconds=15, what="it says so")
    server.start()
    try:
        wait_until(
            lambda: all(waiting(server, queue) > 0 for queue in BEATING),
            seconds=25,
            what="every queue is asked",
        )
        assert running.is_running
        assert "broker available again" in running.tail()
    finally:
        server.kill()


@pytest.mark.mariadb
def test_an_absent_database_is_waited_for(
    db: Engine, redis: RedisServer, mariadb: MariaDB, clock: StartClock
) -> None:
    running = clock("patient")
    wait_until(lambda: leader() == running.pid, seconds=15, what="it leads")
    mariadb.kill()
    wait_until(lambda: "database unavailable" in running.tail(), seconds=15, what="it says so")
    mariadb.start()
    db.dispose()
    redis.flush()
    wait_until(lambda: waiting(redis) > 0, seconds=LEASE_SECONDS + 5, what="it leads again")
    assert running.is_running


def test_the_table_of_jobs_agrees_with_tasks_and_health() -> None:
    table = jobs(3, backups=True, second=True)
    assert {job.name for job in table} == set(LATE_AFTER) - OF_THE_LOG
    for job in table:
        assert LATE_AFTER[job.name] >= 2.5 * job.every
        assert job.task in TASKS
        if job.task != "maintenance.heartbeat":
            assert job.queue == TASKS[job.task].queue
    beats = {job.args: job.queue for job in table if job.task == "maintenance.heartbeat"}
    assert beats == {(queue,): queue for queue in BEATING}


def test_backups_are_asked_for_where_they_are_on() -> None:
    on, off = jobs(3, backups=True), jobs(3, backups=False)
    assert {job.name for job in on} - {job.name for job in off} == OF_BACKUPS
    two = jobs(3, backups=True, second=True)
    assert {job.name for job in two} - {job.name for job in on} == OF_SECOND_STORE
    assert {job.queue for job in two if job.name in OF_BACKUPS | OF_SECOND_STORE} == {BACKUPS}


def test_a_lost_leader_is_replaced_in_time_by_the_figures() -> None:
    assert LEASE_SECONDS + RENEW_SECONDS < 15
    assert LEASE_SECONDS > 2 * RENEW_SECONDS
