"""The scheduler: `python -m schedules.entry`. Two may run; one leads and enqueues."""

import logging
import signal
import sys
import threading
from datetime import UTC, timedelta
from typing import Final

from apscheduler.events import EVENT_SCHEDULER_STARTED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler

from models.core import clock
from models.core.observe.logs import configure_logging
from models.core.settings import settings
from schedules.jobs import Job, jobs
from schedules.leader import RENEW_SECONDS, Leader
from schedules.producer import Producer
from schedules.steps import watch_steps
from tasks.presence import start_presence

log = logging.getLogger("schedules.entry")

STOPPING: Final = frozenset({signal.SIGTERM, signal.SIGINT})


def tick(job: Job, *, leader: Leader, producer: Producer) -> None:
    """Enqueue the job if this process leads."""
    if leader.is_leading:
        producer.send(job)


def make_scheduler(leader: Leader, *, producer: Producer) -> BlockingScheduler:
    """Return an APScheduler with all jobs and the lease's renewal. Missed ticks run once."""
    scheduler = BlockingScheduler(
        timezone=UTC,
        executors={"default": ThreadPoolExecutor(4), "lease": ThreadPoolExecutor(1)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    # a separate executor, so that an unreachable broker cannot delay the lease
    scheduler.add_job(leader.renew, "interval", seconds=RENEW_SECONDS, executor="lease")
    chosen = settings()
    table = jobs(
        chosen.sweep_seconds,
        backups=bool(chosen.backup_store),
        second=bool(chosen.backup_second_store),
        backup_seconds=chosen.backup_asked_seconds,
    )
    for number, job in enumerate(table):
        scheduler.add_job(
            tick,
            "interval",
            id=job.name,
            seconds=job.every,
            args=(job,),
            kwargs={"leader": leader, "producer": producer},
            # soon after the start, but not all at the same moment
            next_run_time=clock.now() + timedelta(seconds=job.begins + number * 0.1),
        )
    return scheduler


def stop_on_signal(scheduler: BlockingScheduler) -> None:
    """Block SIGTERM and SIGINT, and start with the scheduler a thread that ends it on either.

    A signal handler would run at any point of the scheduler's own thread, and take its locks.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)

    def wait_and_stop() -> None:
        signal.sigwait(STOPPING)
        scheduler.shutdown(wait=False)

    waiter = threading.Thread(target=wait_and_stop, name="stopping", daemon=True)
    scheduler.add_listener(lambda _event: waiter.start(), EVENT_SCHEDULER_STARTED)


def main() -> int:
    """Run until SIGTERM or SIGINT; then release the lease immediately."""
    configure_logging()
    leader = Leader()
    scheduler = make_scheduler(leader, producer=Producer())
    stop_on_signal(scheduler)
    leader.renew()
    start_presence("scheduler")
    watch_steps(scheduler)
    log.info("scheduler started", extra={"holder": leader.holder})
    scheduler.start()
    leader.close()
    log.info("scheduler stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
