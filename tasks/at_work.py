"""The tasks that the workers are running now, queried over the broker."""

from dataclasses import dataclass
from typing import Any

from celery import Celery

from models.core import clock, tls
from models.core.settings import settings


@dataclass(frozen=True, slots=True)
class AtWork:
    """A running task. `seconds`: the time since its start, by this machine's clock."""

    task: str
    seconds: float
    arguments: str


def workers_at_work(*, seconds: float) -> dict[str, list[AtWork]]:
    """Return each worker that answers within `seconds`, with its running tasks.

    A worker with the solo pool answers only after its current task. Raises kombu's
    OperationalError.
    """
    # not the app of tasks.app, which reads the settings at import
    with Celery(broker=settings().redis_url, broker_use_ssl=tls.redis_broker()) as app:
        found: dict[str, list[dict[str, Any]]] = app.control.inspect(timeout=seconds).active() or {}
    now = clock.now().timestamp()
    return {
        name: [AtWork(one["name"], now - one["time_start"], str(one["args"])) for one in begun]
        for name, begun in found.items()
    }
