"""Redis as the broker: one that refuses is waited for like one that is gone.

In a failover it turns read-only for a while, and a full one takes nothing until room is made. By
`broker_channel_error_retry` a worker begins anew at such a refusal; here it takes a breath first.
The refusals are no `connection_errors` of kombu's: an acknowledgement that failed with one of those
is passed over, and the worker, who may hold but one message, never asks for another.
"""

import logging
from time import sleep
from typing import Any, Final

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.redis import Transport as RedisTransport
from redis.exceptions import ConnectionError, ResponseError

from models.core.redis.signals import NO_ROOM, in_short

log = logging.getLogger(__name__)

#: Between two attempts at a server that refuses.
PAUSE_SECONDS: Final = 1.0
_SCHEMES: Final = ("redis", "rediss")


class Transport(RedisTransport):
    """Kombu's own, with a pause after a refusal. One for lack of room is named."""

    def establish_connection(self) -> Any:
        """Connect. Raises the driver's error."""
        try:
            return super().establish_connection()  # type: ignore[no-untyped-call]
        except ConnectionError as error:
            if in_short(error) == NO_ROOM:
                log.error(NO_ROOM)
            raise

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        """Begin to listen. Where that is refused, take a breath: the worker comes again at once."""
        try:
            super().register_with_event_loop(connection, loop)  # type: ignore[no-untyped-call]
        except ResponseError:
            sleep(PAUSE_SECONDS)
            raise


def use_transport() -> None:
    """Let every REDIS_URL of this process lead here."""
    for scheme in _SCHEMES:
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"
