"""The process that follows the log. One leads, others stand by; errors are logged and retried."""

import logging
import threading
from time import monotonic
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from models.core import clock
from models.core.database.transactions import unit
from models.core.errors import MaitredError
from models.core.settings import settings
from models.operations.running.jobs import record_job
from tasks.backups.log.follow import Follower
from tasks.backups.records import LOG
from tasks.backups.stores.safe import open_safe
from tasks.leases import LeaseHolder

log = logging.getLogger(__name__)

#: Seconds between two steps.
STEP_SECONDS: Final = 0.5
#: Seconds after which a dead leader is replaced.
LEASE_SECONDS: Final = 15
_RENEW_SECONDS: Final = 3.0
_LENGTH: Final = 255


class Service:
    """Runs a follower while this process holds the lease."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._lease = LeaseHolder(LOG, seconds=LEASE_SECONDS)
        self._leads = False
        self._renewed = -_RENEW_SECONDS
        self._reported = ""

    def run(self, stop: threading.Event) -> None:
        """Follow until `stop` is set; then release the lease, so that another can lead."""
        while not stop.wait(STEP_SECONDS):
            self.turn()
        self._follower.close()
        self._lease.release()

    def turn(self) -> None:
        """Do one step if this process leads. Errors are logged and recorded, not raised."""
        self._renew()
        if not self._leads:
            return
        try:
            self._follower.step()
            self._reported = ""
        except MaitredError as error:
            self._report(f"{error.code}: {error.message}"[:_LENGTH])
        except (SQLAlchemyError, OSError) as error:
            self._report(type(error).__name__)

    def _renew(self) -> None:
        """Take or renew the lease.

        While the database is unreachable the leader goes on: its last writes are not stored yet.
        """
        if monotonic() - self._renewed < _RENEW_SECONDS:
            return
        self._renewed = monotonic()
        try:
            leads = self._lease.take()
        except (SQLAlchemyError, MaitredError):
            return
        if self._leads and not leads:
            self._follower.close()
        self._leads = leads

    def _report(self, what: str) -> None:
        if what == self._reported:
            return
        self._reported = what
        log.warning("database log not followed", extra={"why": what})
        now = clock.now()
        try:
            unit(lambda session: record_job(session, LOG, started=now, ended=now, error=what))
        except (SQLAlchemyError, MaitredError):
            pass  # the database is unreachable; /readyz reports by itself that the log is overdue


def follow(stop: threading.Event) -> None:
    """Follow the log of this installation's database until `stop` is set.

    Waits for `stop` even where the settings keep no log, so that the process keeps running.
    """
    chosen = settings()
    if not chosen.keeps_log:
        log.info("database log not kept")
        stop.wait()
        return
    url = chosen.backup_url or chosen.database_url
    Service(Follower(open_safe(), url, chosen.log_spool.absolute())).run(stop)
