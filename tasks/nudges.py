"""Nudges: tell a worker that there is work. Coalesced, and never an error: rows are the queue."""

import logging

from kombu.exceptions import KombuError
from redis import RedisError

from models.core import signals
from tasks.app import app
from tasks.queues import TASKS

log = logging.getLogger(__name__)


def nudge_lane(lane: int) -> None:
    """Somebody waits in this allocation lane."""
    _nudge(f"lane:{lane}", "allocation.decide", [lane])


def nudge_messages() -> None:
    """A message is due."""
    _nudge("messages", "messages.deliver", [])


def _nudge(name: str, task: str, args: list[int]) -> None:
    """Publish unless it is published already. A lost nudge is found by the sweep."""
    if not signals.claim_nudge(name):
        return
    try:
        app.send_task(task, args=args, queue=TASKS[task].queue, expires=60, retry=False)
    except (RedisError, KombuError, OSError) as error:
        signals.breaker.trip()
        log.warning("nudge not sent", extra={"task": task, "error": type(error).__name__})
