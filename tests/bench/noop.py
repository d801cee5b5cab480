"""A Celery app whose only task does nothing: the baseline."""

import os

from celery import Celery

app = Celery("noop", broker=os.environ["REDIS_URL"])
app.conf.update(
    task_ignore_result=True,
    task_default_queue="noop",
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=4,
    worker_hijack_root_logger=False,
)


@app.task(name="noop")
def noop(_number: int) -> None:
    """Do nothing."""
