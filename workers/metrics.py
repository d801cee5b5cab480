"""A worker's Prometheus metrics: tasks by name and outcome, and their durations."""

from typing import Final

from prometheus_client import Counter, Histogram, start_http_server

_TASKS: Final = Counter("maitred_tasks_total", "Finished tasks.", ("task", "outcome"))
_SECONDS: Final = Histogram(
    "maitred_task_seconds",
    "Seconds that a task took.",
    ("task",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)


def count(task: str, outcome: str, seconds: float) -> None:
    """Count a finished task. `outcome` is Celery's state in lower case: success, failure, retry."""
    _TASKS.labels(task, outcome).inc()
    _SECONDS.labels(task).observe(seconds)


def serve(port: int) -> None:
    """Serve this process's metrics to Prometheus on this port; do nothing for port 0.

    For pools of one process (solo), as Maitred's workers have; other processes share METRICS_DIR.
    """
    if port:
        start_http_server(port)
