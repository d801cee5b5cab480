"""Leases of this process. Their times are by the database's clock, the same for all holders."""

import logging
import os
import secrets
import socket
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from models.core.clocks import database_now
from models.core.database.transactions import unit
from models.core.errors import MaitredError
from models.operations.running.leases import give_up, lead

log = logging.getLogger(__name__)


class LeaseHolder:
    """One claimant of the lease `name`; `holder` is different for each."""

    def __init__(self, name: str, *, seconds: float) -> None:
        self.holder: Final = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._name, self._seconds = name, seconds

    def take(self) -> bool:
        """Take the lease or renew it, for `seconds` from now. False if another has it.

        Raises SQLAlchemyError or MaitredError while the database is unreachable or busy.
        """
        return unit(
            lambda session: lead(
                session,
                self._name,
                holder=self.holder,
                now=database_now(session),
                seconds=self._seconds,
            )
        )

    def release(self) -> None:
        """Give it up, so that another can take it immediately. Without the database it expires."""
        try:
            unit(lambda session: give_up(session, self._name, holder=self.holder))
        except (SQLAlchemyError, MaitredError) as error:
            log.warning("lease not released", extra={"error": type(error).__name__})
