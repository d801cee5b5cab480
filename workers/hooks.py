"""Celery signal handlers of a worker: logs, metrics, the sign of life, cleanup after a fork."""

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
from models.queries.running import flags
from tasks.messaging.channels.sms import sms_channel
from tasks.presence import start_presence
from tasks.queues import MESSAGES
from workers import life, metrics, watchdog

log = logging.getLogger(__name__)

#: Frequent tasks that are logged at debug level only; Flower and the metrics show them.
_QUIET: Final = frozenset({"maintenance.sweep", "maintenance.heartbeat"})

_started: dict[str, float] = {}


@celery_signals.setup_logging.connect
def set_up_logging(**_: Any) -> None:
    """Configure logging in place of Celery, whose lines per task say less than `end_task`."""
    configure_logging()
    for chatty in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


@celery_signals.celeryd_init.connect
def open_keys(**_: Any) -> None:
    """Refuse to start a worker that needs MASTER_KEY but cannot read the keys of the guests."""
    if "MASTER_KEY" not in needed_by(settings().process):
        return
    try:
        encryption.keyring()
    except SettingsInvalid as refused:  # Celery logs other exceptions and starts
        raise SystemExit(f"maitred: {refused.message}") from refused


@celery_signals.celeryd_init.connect
def check_extras(options: dict[str, Any], **_: Any) -> None:
    """Refuse to start a worker whose settings need a library that is not installed."""
    try:
        flags.check_provider()
        if MESSAGES in (options.get("queues") or [MESSAGES]):
            sms_channel()
    except SettingsInvalid as refused:
        raise SystemExit(f"maitred: {refused.message}") from refused


@celery_signals.celeryd_init.connect
def start_sentry(**_: Any) -> None:
    """Report errors to SENTRY_DSN, without the values of arguments or local variables."""
    start_reports(CeleryIntegration())


@celery_signals.celeryd_init.connect
def start_tracing(**_: Any) -> None:
    """Send traces and metrics to OTEL_EXPORTER_OTLP_ENDPOINT."""
    try:
        start_traces("worker")
        start_meter("worker")
    except SettingsInvalid as refused:
        raise SystemExit(f"maitred: {refused.message}") from refused


@celery_signals.worker_init.connect
def show_counts(**_: Any) -> None:
    """Serve this worker's metrics on METRICS_PORT."""
    metrics.serve(settings().metrics_port)


@celery_signals.worker_init.connect
def show_presence(**_: Any) -> None:
    """Record this worker's presence, its clock and its time zone data."""
    start_presence("worker")


@celery_signals.worker_init.connect
def watch_limits(**_: Any) -> None:
    """Start the watchdog, so that a hung task cannot block its queue, and notify systemd."""
    watchdog.start()
    life.start_systemd_watchdog()


@celery_signals.worker_ready.connect
def show_life(**_: Any) -> None:
    """Show the sign of life once the worker listens to its queues."""
    life.start()


@celery_signals.worker_process_init.connect
def forget_the_parent(**_: Any) -> None:
    """After a fork, drop the parent's connections without using or closing them."""
    if transactions.engine.cache_info().currsize:
        transactions.engine().dispose(close=False)
    transactions.engine.cache_clear()
    signals.client.cache_clear()


@celery_signals.task_prerun.connect
def begin_task(task_id: str, task: Any, **_: Any) -> None:
    """Add the task's id and name to all its log lines; start its timer, limit and trace."""
    unbind()
    bind(task_id=task_id, task=task.name)
    _started[task_id] = time.perf_counter()
    watchdog.begin(task_id, task.name)
    traces.begin()


@celery_signals.task_postrun.connect
def end_task(task_id: str, task: Any, state: str | None = None, **_: Any) -> None:
    """Count, log and trace the finished task."""
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
    """Send the task's own trace, to which the traces of its reservations are linked."""
    traces.end(
        name,
        trace_id=traces.as_trace_id(task_id.replace("-", "")),
        began=began,
        kind="consumer",
        is_first=True,
        failed=outcome == "failure",
        task_id=task_id,
        outcome=outcome,
    )
