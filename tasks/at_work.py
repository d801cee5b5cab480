"""What the workers are doing now, asked over the broker."""

from dataclasses import dataclass
from typing import Any

from celery import Celery

from models.core import clock, tls
from models.core.settings import settings


@dataclass(frozen=True, slots=True)
class AtWork:
    """A task that a worker has begun; `seconds` ago by this machine's clock."""

    task: str
    seconds: float
    arguments: str


def workers_at_work(*, seconds: float) -> dict[str, list[AtWork]]:
    """Each worker that answers within so long, and what it does. Raises kombu's OperationalError.

    One that runs a task of its own (pool solo) answers when that is done.
    """
    # not tasks.app's, which reads the settings when it is imported
    with Celery(broker=settings().redis_url, broker_use_ssl=tls.redis_broker()) as app:
        found: dict[str, list[dict[str, Any]]] = app.control.inspect(timeout=seconds).active() or {}
    now = clock.now().timestamp()
    return {
        name: [AtWork(one["name"], now - one["time_start"], str(one["args"])) for one in begun]
        for name, begun in found.items()
    }
