"""What a worker does around its tasks: logs, metrics, a sign of life, and nothing after a fork."""

import logging
import time
from typing import Any, Final

from celery import signals as celery_signals
from sentry_sdk.integrations.celery import CeleryIntegration

from models.core import clock
from models.core.database import transactions
from models.core.errors import SettingsInvalid
from models.core.observe import traces
from models.core.observe.logs import bind, configure_logging, unbind
from models.core.observe.metrics import start_meter
from models.core.observe.sentry import start_reports
from models.core.observe.traces import start_traces
from models.core.redis import signals
from models.core.secrets import encryption
from models.core.secrets.by_process import needed_by
from models.core.settings import settings
from tasks.presence import start_presence
from workers import life, metrics, watchdog

log = logging.getLogger(__name__)

#: Tasks of which an operator wants no line each time; Flower and the metrics show them.
_QUIET: Final = frozenset({"maintenance.sweep", "maintenance.heartbeat"})

_started: dict[str, float] = {}


@celery_signals.setup_logging.connect
def set_up_logging(**_: Any) -> None:
    """Take logging out of Celery's hands; its lines a task tell less than ours."""
    configure_logging()
    for chatty in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


@celery_signals.celeryd_init.connect
def open_keys(**_: Any) -> None:
    """No worker starts that could not read who its guests are, where it has to."""
    if "MASTER_KEY" not in needed_by(settings().process):
        return
    try:
        encryption.keyring()
    except SettingsInvalid as refused:  # Celery lets no other error end a start
        raise SystemExit(f"maitred: {refused.message}") from refused


@celery_signals.celeryd_init.connect
def start_sentry(**_: Any) -> None:
    """Report errors where SENTRY_DSN says, without arguments' values or local variables."""
    start_reports(CeleryIntegration())


@celery_signals.celeryd_init.connect
def start_tracing(**_: Any) -> None:
    """Send traces and metrics where OTEL_EXPORTER_OTLP_ENDPOINT says."""
    try:
        start_traces("worker")
        start_meter("worker")
    except SettingsInvalid as refused:
        raise SystemExit(f"maitred: {refused.message}") from refused


@celery_signals.worker_init.connect
def show_counts(**_: Any) -> None:
    """Serve this worker's metrics where METRICS_PORT says."""
    metrics.serve(settings().metrics_port)


@celery_signals.worker_init.connect
def show_presence(**_: Any) -> None:
    """Say which clock and which time zones this worker works by."""
    start_presence("worker")


@celery_signals.worker_init.connect
def watch_limits(**_: Any) -> None:
    """A task that hangs must not hold its queue up for ever."""
    watchdog.start()
    life.reassure()


@celery_signals.worker_ready.connect
def show_life(**_: Any) -> None:
    """Now it listens to its queues."""
    life.start()


@celery_signals.worker_process_init.connect
def forget_the_parent(**_: Any) -> None:
    """After a fork: the parent's connections are the parent's. Neither use nor close them."""
    if transactions.engine.cache_info().currsize:
        transactions.engine().dispose(close=False)
    transactions.engine.cache_clear()
    signals.client.cache_clear()


@celery_signals.task_prerun.connect
def begin_task(task_id: str, task: Any, **_: Any) -> None:
    """Every line logged within carries the task's id and name."""
    unbind()
    bind(task_id=task_id, task=task.name)
    _started[task_id] = time.perf_counter()
    watchdog.begin(task_id, task.name)
    traces.begin()


@celery_signals.task_postrun.connect
def end_task(task_id: str, task: Any, state: str | None = None, **_: Any) -> None:
    """Count it, and say it."""
    watchdog.end(task_id)
    seconds = time.perf_counter() - _started.pop(task_id, time.perf_counter())
    outcome = (state or "unknown").lower()
    metrics.count(task.name, outcome, seconds)
    level = logging.DEBUG if task.name in _QUIET else logging.INFO
    log.log(level, "task ended", extra={"outcome": outcome, "ms": round(seconds * 1000, 1)})
    if task.name not in _QUIET:
        began = clock.nanoseconds() - int(seconds * 1e9)
        _trace(task_id, task.name, outcome, began)
    unbind()


def _trace(task_id: str, name: str, outcome: str, began: int) -> None:
    """The task's own trace: those of the reservations that it dealt with are linked with it."""
    traces.end(
        name,
        trace_id=traces.trace_id_of(task_id.replace("-", "")),
        began=began,
        kind="consumer",
        is_first=True,
        failed=outcome == "failure",
        task_id=task_id,
        outcome=outcome,
    )
