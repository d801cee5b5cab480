"""The Celery object and its settings (measured: see docs/architecture.md)."""

from celery import Celery

from models.core import tls
from models.core.settings import settings
from tasks.broker import use_transport
from tasks.queues import MAINTENANCE, TASKS, VISIBILITY_TIMEOUT

MODULES = ("tasks.allocation", "tasks.messages", "tasks.maintenance", "tasks.backup_queue")


def make_app() -> Celery:
    """Return a Celery app on REDIS_URL: JSON only, no results, late acknowledgement."""
    use_transport()
    app = Celery("maitred", broker=settings().redis_url, include=list(MODULES))
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_send_task_events=True,
        task_send_sent_event=False,
        worker_hijack_root_logger=False,
        worker_soft_shutdown_timeout=20,
        worker_enable_soft_shutdown_on_idle=True,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        task_default_queue=MAINTENANCE,
        task_routes={name: {"queue": rule.queue} for name, rule in TASKS.items()},
        task_annotations={
            name: {"soft_time_limit": rule.soft_limit, "time_limit": rule.hard_limit}
            for name, rule in TASKS.items()
        },
        task_publish_retry=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,
        broker_pool_limit=2,  # only the nudge thread publishes
        broker_use_ssl=tls.redis_broker(),
        broker_transport_options={
            "visibility_timeout": VISIBILITY_TIMEOUT,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_keepalive": True,
            "socket_connect_timeout": 5,
            "socket_timeout": 30,
            "health_check_interval": 10,
        },
        enable_utc=True,
        timezone="UTC",
    )
    return app


app = make_app()
