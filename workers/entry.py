"""The Celery process: `celery -A workers.entry:app worker --pool solo --queues allocation`.

There are two kinds of workers, by queue: `allocation` decides requests; `messages,maintenance`
sends messages and runs the scheduled jobs. The pool `solo` runs tasks in the consumer itself: twice
as fast as `prefork` for these tasks. One more worker is one more process.
"""

from tasks import allocation, maintenance, messages
from tasks import backup_queue as backups
from tasks.app import app
from workers import hooks, life

app.steps["consumer"].add(life.Ticking)

__all__ = ["allocation", "app", "backups", "hooks", "maintenance", "messages"]
