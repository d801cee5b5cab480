"""Waiting for a database that is away: what was sent has to be written down."""

import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from models.core.database.transactions import plain_unit
from models.core.errors import Busy

T = TypeVar("T")

#: How long a record waits for a database that is away: what was sent must not be sent again.
RECORD_SECONDS: Final = 60.0


def record(work: Callable[[Connection], object]) -> None:
    """Write it down, waiting for a database that is away: nothing else of this drain may go first.

    Raises the database's error after RECORD_SECONDS; the claim's lease then frees the message.
    """
    patiently(partial(plain_unit, work), until=time.monotonic() + RECORD_SECONDS)


def patiently(do: Callable[[], T], *, until: float) -> T:
    """Again while the database is away. Raises its error when it still is at `until`."""
    while True:
        try:
            return do()
        except (DBAPIError, Busy):
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
