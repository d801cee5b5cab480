"""Election of the leading scheduler: a lease in the database, which its holder renews."""

import logging
import threading
from time import monotonic
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from models.core.errors import Busy
from models.queries.running.presence import LEASE
from tasks.leases import LeaseHolder

log = logging.getLogger(__name__)

LEASE_SECONDS: Final = 10
#: Three times within a lease. A dead leader is replaced within 13 s, the sum of both.
RENEW_SECONDS: Final = 3


class Leader:
    """This process's claim to lead, held only while the lease is certainly valid."""

    def __init__(self) -> None:
        self._lease = LeaseHolder(LEASE, seconds=LEASE_SECONDS)
        self.holder: Final = self._lease.holder
        self._lock = threading.Lock()
        self._until = 0.0
        self._closed = False
        self._database_gone = False

    @property
    def is_leading(self) -> bool:
        """Whether this process has the lease; False from a second before its end if not renewed."""
        return monotonic() < self._until

    def renew(self) -> None:
        """Take or renew the lease. An outage of the database is logged; the next call retries."""
        with self._lock:
            if self._closed:
                return
            was_leading, asked_at = self.is_leading, monotonic()
            try:
                leads = self._lease.take()
            except (SQLAlchemyError, Busy) as error:
                self._log_database_gone(error)
                return
            self._database_gone = False
            self._until = asked_at + LEASE_SECONDS - 1 if leads else 0.0
            if leads != was_leading:
                log.info("leading" if leads else "following", extra={"holder": self.holder})

    def close(self) -> None:
        """Stop leading permanently, and release the lease, so that another can lead immediately."""
        with self._lock:
            self._closed, self._until = True, 0.0
            self._lease.release()

    def _log_database_gone(self, error: Exception) -> None:
        if not self._database_gone:
            log.warning("database unavailable", extra={"error": type(error).__name__})
        self._database_gone = True
