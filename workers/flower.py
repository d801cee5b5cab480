"""Flower, a password-protected view of queues and tasks: `python -m workers.flower`.

Address and port come from FLOWER_ADDRESS and FLOWER_PORT.
"""

import logging
import os
import sys

from flower import options as flower_options
from flower.views import BaseHandler

from models.core.observe.logs import configure_logging
from models.core.settings import settings
from tasks.queues import QUEUES
from workers.entry import app

log = logging.getLogger("workers.flower")


def all_queues(handler: BaseHandler) -> list[str]:
    """Return the queues of the Broker tab: those of QUEUES, and all others that a worker serves.

    Flower's own list has the queues of workers that answered its single inspection at the start: a
    queue whose worker was busy or not running yet was missing until the next inspection.
    """
    served = {
        queue["name"]
        for info in handler.application.workers.values()
        for queue in info.get("active_queues", [])
    }
    return sorted(served.union(QUEUES))


def main() -> int:
    """Serve until SIGTERM. Return 1 without a password, because Flower can end tasks."""
    configure_logging()
    if not settings().flower_password:
        log.error("FLOWER_PASSWORD is not set")
        return 1
    chosen = flower_options.default_options
    # set here and not in argv, which `ps` shows
    chosen.basic_auth = [f"{settings().flower_user}:{settings().flower_password}"]
    chosen.natural_time = True
    chosen.tasks_columns = "name,args,state,received,started,runtime,worker,uuid"
    chosen.max_tasks = 10_000
    chosen.purge_offline_workers = 60
    # each inspection uses a connection; with the workers' small pool, inspections waited
    app.conf.broker_pool_limit = 100
    BaseHandler.get_active_queue_names = all_queues
    code = 0
    try:
        app.start(argv=["flower"])
    except SystemExit as ended:
        code = int(ended.code or 0)
    # not sys.exit: Flower's threads would wait on Redis for half a minute, with nothing to save
    logging.shutdown()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
