"""A thread in each process that says: I am there, by this clock, with these time zones."""

import logging
import os
import socket
import threading
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models.core.clocks import Ahead, clock_ahead, database_now
from models.core.database.epochs import look_everywhere
from models.core.database.transactions import unit
from models.core.errors import MaitredError
from models.core.settings import settings
from models.core.zones import zone_data
from models.operations.running.presence import show_process
from models.rules.health import CLOCKS_DIFFER_SECONDS, PROCESS_SEEN_SECONDS

log = logging.getLogger(__name__)

#: Three times before a row counts for nothing any more.
EVERY_SECONDS: Final = PROCESS_SEEN_SECONDS / 3


def start_presence(kind: str) -> threading.Event:
    """From now on, until the event is set. `kind`: web, worker, scheduler."""
    over = threading.Event()
    threading.Thread(target=_go_on, args=(kind, over), name="presence", daemon=True).start()
    return over


def show_presence(kind: str) -> None:
    """Once. A clock that is wrong is logged. A database that is away is for others to say."""
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
        log.debug("presence not shown", extra={"error": type(error).__name__})
        return
    if ahead and abs(ahead.seconds) > CLOCKS_DIFFER_SECONDS:
        log.warning("clocks differ", extra={"seconds": round(ahead.seconds, 1), "other": ahead.of})


def _go_on(kind: str, over: threading.Event) -> None:
    while True:
        # connections to a server that was replaced as the primary meanwhile are let go
        look_everywhere(settings().database_url)
        show_presence(kind)
        if over.wait(EVERY_SECONDS):
            return
