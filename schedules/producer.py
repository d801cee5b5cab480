"""Sends tasks by name, without importing them."""

import logging
import threading

from celery import Celery
from kombu.exceptions import KombuError
from redis import RedisError

from models.core import tls
from models.core.redis.signals import MOST_WAITING, client, in_short
from models.core.settings import settings
from schedules.jobs import Job

log = logging.getLogger(__name__)


def make_producer() -> Celery:
    """Return a Celery app that only sends, and gives up on an unreachable broker in seconds."""
    app = Celery("maitred-schedules", broker=settings().redis_url, set_as_current=False)
    app.conf.update(
        task_serializer="json",
        task_ignore_result=True,
        task_publish_retry=False,
        broker_pool_limit=1,  # one send at a time: each connection is one of Redis's maxclients
        broker_use_ssl=tls.redis_broker(),
        broker_transport_options={
            "socket_connect_timeout": 2,
            "socket_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 10,
        },
    )
    return app


class Producer:
    """Enqueues jobs. An outage of the broker is logged once at its start and once at its end."""

    def __init__(self) -> None:
        self._app = make_producer()
        self._sending = threading.Lock()
        self._lock = threading.Lock()
        self._gone = False

    def send(self, job: Job) -> None:
        """Enqueue the job's task. A failure is logged; the next tick sends the task again.

        Sends nothing while MOST_WAITING tasks wait in the queue: then no worker is running.
        """
        try:
            with self._sending:
                if int(client().llen(job.queue)) < MOST_WAITING:
                    self._app.send_task(job.task, args=list(job.args), queue=job.queue, retry=False)
        except (RedisError, KombuError, OSError) as error:
            self._note(gone=True, error=in_short(error))
        else:
            self._note(gone=False)

    def _note(self, *, gone: bool, error: str = "") -> None:
        with self._lock:
            if gone and not self._gone:
                log.warning("broker unavailable", extra={"error": error})
            elif self._gone and not gone:
                log.info("broker available again")
            self._gone = gone
