"""A thread in each process that records its presence, its clock and its time zone data."""

import logging
import os
import socket
import threading
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models.core.clocks import Ahead, clock_ahead, database_now
from models.core.database.epochs import learn_newest_epoch
from models.core.database.transactions import unit
from models.core.errors import MaitredError
from models.core.settings import settings
from models.core.zones import zone_data
from models.operations.running.presence import show_process
from models.rules.health import CLOCKS_DIFFER_SECONDS, PROCESS_SEEN_SECONDS

log = logging.getLogger(__name__)

#: Three attempts before a row counts as expired.
EVERY_SECONDS: Final = PROCESS_SEEN_SECONDS / 3


def start_presence(kind: str) -> threading.Event:
    """Record the presence regularly until the returned event is set.

    `kind`: web, worker or scheduler.
    """
    over = threading.Event()
    threading.Thread(target=_run, args=(kind, over), name="presence", daemon=True).start()
    return over


def show_presence(kind: str) -> None:
    """Record the presence once, and log a warning when the clock is wrong.

    An unreachable database is logged at debug level only: others report it.
    """
    name = f"{kind} {socket.gethostname()}:{os.getpid()}"

    def work(session: Session) -> Ahead | None:
        ahead = clock_ahead(session)
        show_process(
            session,
            name[:120],
            kind=kind,
            clock_seconds=ahead.seconds if ahead else None,
            zone_data=zone_data(),
            now=database_now(session),
        )
        return ahead

    try:
        ahead = unit(work)
    except (SQLAlchemyError, MaitredError) as error:
        log.debug("presence not recorded", extra={"error": type(error).__name__})
        return
    if ahead and abs(ahead.seconds) > CLOCKS_DIFFER_SECONDS:
        log.warning("clocks differ", extra={"seconds": round(ahead.seconds, 1), "other": ahead.of})


def _run(kind: str, over: threading.Event) -> None:
    while True:
        # so that connections to a server that was replaced as the primary are dropped
        learn_newest_epoch(settings().database_url)
        show_presence(kind)
        if over.wait(EVERY_SECONDS):
            return
