"""The Celery process: `celery -A workers.entry:app worker --pool solo --queues allocation`.

Two kinds, by queue: `allocation` decides; `messages,maintenance` tells the guests and keeps the
house in order. `solo` runs tasks in the consumer itself: twice as fast as `prefork` for what we
do, and one more worker is one more process.
"""

from tasks import allocation, maintenance, messages
from tasks import backup_queue as backups
from tasks.app import app
from workers import hooks, life

app.steps["consumer"].add(life.Ticking)

__all__ = ["allocation", "app", "backups", "hooks", "maintenance", "messages"]
