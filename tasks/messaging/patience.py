"""Retries while the database is unreachable, so that every sent message gets recorded."""

import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from models.core.database.transactions import plain_unit
from models.core.errors import Busy

T = TypeVar("T")

#: How long a record is retried: a message that was sent must not be sent again.
RECORD_SECONDS: Final = 60.0


def record(work: Callable[[Connection], object]) -> None:
    """Do `work` in a transaction, and block this drain's next step until that has succeeded.

    Retries while the database is unreachable. Raises its error after RECORD_SECONDS; the message
    is free again when the lease of its claim ends.
    """
    patiently(partial(plain_unit, work), until=time.monotonic() + RECORD_SECONDS)


def patiently(do: Callable[[], T], *, until: float) -> T:
    """Call `do`, every half second while the database is unreachable or busy.

    Raises its error once `until` (`time.monotonic`) has passed.
    """
    while True:
        try:
            return do()
        except (DBAPIError, Busy):
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
