"""The hooks that a worker runs around its tasks."""

import logging
from types import SimpleNamespace

import httpx
import pytest
import structlog
from prometheus_client import REGISTRY
from sqlalchemy import Engine

from models.core.database import transactions as core_db
from models.core.redis import signals
from tasks.app import app
from tasks.queues import TASKS
from tests.services.ports import free_port
from tests.services.running import surroundings
from workers import entry, hooks


def counted(task: str) -> float:
    labels = {"task": task, "outcome": "success"}
    return REGISTRY.get_sample_value("maitred_tasks_total", labels) or 0.0


def test_every_task_of_the_table_is_there_and_no_other() -> None:
    assert entry.app is app
    assert {name for name in app.tasks if not name.startswith("celery.")} == set(TASKS)


def test_after_a_fork_nothing_of_the_parent_is_used(db: Engine) -> None:
    client = signals.client()
    hooks.forget_the_parent()
    assert core_db.engine() is not db
    assert signals.client() is not client


def test_a_task_s_lines_carry_its_id_and_it_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    task, before = SimpleNamespace(name="maintenance.forget"), counted("maintenance.forget")
    with caplog.at_level(logging.INFO):
        hooks.begin_task(task_id="t1", task=task)
        assert structlog.contextvars.get_contextvars() == {"task_id": "t1", "task": task.name}
        hooks.end_task(task_id="t1", task=task, state="SUCCESS")
    assert structlog.contextvars.get_contextvars() == {}
    assert "task ended" in caplog.text
    assert counted("maintenance.forget") == before + 1


def test_what_comes_every_few_seconds_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        hooks.end_task(task_id="t2", task=SimpleNamespace(name="maintenance.sweep"), state=None)
    assert caplog.text == ""


def test_a_worker_shows_its_counts_where_it_is_told_to(
    service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    surroundings.settle(monkeypatch, service_env | {"METRICS_PORT": str(port)})
    hooks.show_counts()
    assert "maitred_tasks_total" in httpx.get(f"http://127.0.0.1:{port}/metrics").text
