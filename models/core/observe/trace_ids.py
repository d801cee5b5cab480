"""One trace id for everything about a reservation: in the web process, in workers, in traces.

It is computed from the reservation's id, which every row of work has anyway: no column, statement
or header has to carry it. See docs/adr/0012-one-id-is-computed-from-the-reservation.md.
"""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from models.core.observe import logs
from models.core.secrets.signing import derive_key
from models.core.settings import settings


@lru_cache(maxsize=1)
def _key() -> bytes:
    return derive_key(settings().secret("secret_key"), "maitred stories")


def trace_id_of(reservation_id: int) -> str:
    """The reservation's trace id, 32 hexadecimal digits; outsiders cannot compute it.

    Keyed, so that two installations that send their logs to one place never share an id.
    """
    return hmac.digest(_key(), b"%d" % reservation_id, "sha256")[:16].hex()


def bind_reservation(reservation_id: int) -> str:
    """Bind the reservation and its trace id to all later lines of this request. Returns the id."""
    trace_id = trace_id_of(reservation_id)
    logs.bind(reservation_id=reservation_id, trace_id=trace_id)
    return trace_id


@contextmanager
def bound_reservation(reservation_id: int, **ids: int) -> Iterator[str]:
    """Bind the reservation and its trace id to the lines within the block. Yields the trace id."""
    trace_id = trace_id_of(reservation_id)
    with logs.bound(reservation_id=reservation_id, trace_id=trace_id, **ids):
        yield trace_id
