"""Senders: a few threads, each with its own connection to the mail server.

A mail server commonly takes a tenth of a second per message, so one connection alone would send
ten messages a second. The messages of one reservation stay in order, because they always go to the
same sender.
"""

import contextvars
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self

from models.queries.messages.outgoing import Outgoing
from tasks.messaging.channels.smtp import SmtpConnection

#: Delivers some messages over one connection; returns those that were not tried.
Work = Callable[[list[Outgoing], SmtpConnection], list[Outgoing]]


class Senders:
    """`with Senders(4, url) as senders:` opens connections on first use, and closes them."""

    def __init__(self, count: int, smtp_url: str) -> None:
        self._connections = [SmtpConnection(smtp_url) for _ in range(count)]
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="sender")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None
    ) -> None:
        self._threads.shutdown()
        for connection in self._connections:
            connection.close()

    def greet(self) -> None:
        """Connect and sign in over one connection. Raises ChannelDown."""
        self._connections[0].greet()

    def each(
        self,
        messages: Iterable[Outgoing],
        work: Work,
        *,
        every: float,
        meanwhile: Callable[[], None],
    ) -> list[Outgoing]:
        """Distribute the messages, wait for all senders, and return the messages they left.

        Calls `meanwhile` each `every` seconds while it waits. After all have ended, raises the
        error of the first sender that failed.
        """
        shares: list[list[Outgoing]] = [[] for _ in self._connections]
        for message in messages:
            shares[message.reservation_id % len(shares)].append(message)
        running: list[Future[list[Outgoing]]] = [
            # so that the threads' log lines carry the ids of the task
            self._threads.submit(contextvars.copy_context().run, work, share, connection)
            for share, connection in zip(shares, self._connections, strict=True)
            if share
        ]
        while wait(running, timeout=every).not_done:
            meanwhile()
        errors = [error for future in running if (error := future.exception()) is not None]
        if errors:
            raise errors[0]
        return [message for future in running for message in future.result()]
