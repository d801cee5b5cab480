"""Redis as the broker: a server that refuses commands is retried like one that is unreachable.

During a failover Redis is read-only for a while, and a full Redis accepts no writes until memory is
freed. With `broker_channel_error_retry` a worker restarts its consumer after such a refusal; this
transport pauses first. The refusals are not added to kombu's `connection_errors`: kombu ignores an
acknowledgement that failed with one of those, and the worker, which may hold only one message,
would never fetch another.
"""

import logging
from time import sleep
from typing import Any, Final

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.redis import Transport as RedisTransport
from redis.exceptions import ConnectionError, ResponseError

from models.core.redis.signals import NO_ROOM, in_short

log = logging.getLogger(__name__)

#: The pause between two attempts at a server that refuses.
PAUSE_SECONDS: Final = 1.0
_SCHEMES: Final = ("redis", "rediss")


class Transport(RedisTransport):
    """Kombu's Redis transport with a pause after a refusal; logs when `maxclients` is reached."""

    def establish_connection(self) -> Any:
        """Connect. Raises the Redis client's error."""
        try:
            return super().establish_connection()  # type: ignore[no-untyped-call]
        except ConnectionError as error:
            if in_short(error) == NO_ROOM:
                log.error(NO_ROOM)
            raise

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        """Start to listen. Pause after a refusal, because the worker retries immediately."""
        try:
            super().register_with_event_loop(connection, loop)  # type: ignore[no-untyped-call]
        except ResponseError:
            sleep(PAUSE_SECONDS)
            raise


def use_transport() -> None:
    """Use this transport for the schemes of REDIS_URL in this process."""
    for scheme in _SCHEMES:
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"
