"""Readiness checks of the embedded mode's processes, polled until all pass."""

import os
import smtplib
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import httpx
import redis
from celery import Celery
from kombu.exceptions import KombuError
from sqlalchemy.exc import SQLAlchemyError

from models.core.database.transactions import reading
from models.core.redis.signals import make_client
from models.core.settings import settings
from models.entities.running import JobRun
from models.rules.health import LATE_AFTER

_WORKER: Final = "celery "


def redis_answers() -> bool:
    """Return whether Redis answers a ping."""
    try:
        with make_client(answer_seconds=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def web_answers(port: str, path: str) -> bool:
    """Return whether the answer is 200. `port` is the variable with the port number."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{os.environ[port]}{path}", timeout=5)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200


def every_queue_moves(since: datetime) -> bool:
    """Return whether, since then, each queue's heartbeat has passed from the scheduler through
    Redis and a worker into the database.
    """
    beats = [name for name in LATE_AFTER if name.startswith("heartbeat.")]
    try:
        with reading() as session:
            runs = [session.get(JobRun, name) for name in beats]
            return all(run and run.last_success and run.last_success > since for run in runs)
    except SQLAlchemyError:
        return False


def workers_answer(commands: dict[str, str]) -> bool:
    """Return whether every worker of the Procfile answers a ping under its node name."""
    wanted = {name for name, command in commands.items() if command.startswith(_WORKER)}
    with Celery("maitred-up", broker=settings().redis_url, set_as_current=False) as app:
        try:
            answers: Iterable[dict[str, object]] = app.control.ping(timeout=1)
        except (redis.RedisError, KombuError, OSError):
            return False
    return wanted <= {name.partition("@")[0] for answer in answers for name in answer}


def mailbox_answers() -> bool:
    """Return whether the mailbox accepts SMTP connections."""
    try:
        with smtplib.SMTP("127.0.0.1", int(os.environ["MAILBOX_PORT"]), timeout=5):
            return True
    except (OSError, smtplib.SMTPException):
        return False
