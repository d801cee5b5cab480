"""Senders: a few threads, each with its own line to the mail server.

A mail server takes its time, a tenth of a second is common; one line alone would tell ten guests
a second. What one guest gets stays in order, because one reservation is always the same sender's.
"""

import contextvars
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self

from models.queries.messages.outgoing import Outgoing
from tasks.messaging.channels.smtp import SmtpLine

#: Delivers some messages over one line; those that are left.
Work = Callable[[list[Outgoing], SmtpLine], list[Outgoing]]


class Senders:
    """`with Senders(4, url) as senders:` opens lines as they are needed, and closes them."""

    def __init__(self, count: int, smtp_url: str) -> None:
        self._lines = [SmtpLine(smtp_url) for _ in range(count)]
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="sender")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None
    ) -> None:
        self._threads.shutdown()
        for line in self._lines:
            line.close()

    def greet(self) -> None:
        """Connect and sign in over one line. Raises ChannelDown."""
        self._lines[0].greet()

    def each(
        self,
        messages: Iterable[Outgoing],
        work: Work,
        *,
        every: float,
        meanwhile: Callable[[], None],
    ) -> list[Outgoing]:
        """Share the messages out and wait for all senders; what they left.

        `meanwhile` is called every so many seconds until then. Raises the first sender's error,
        after all have ended.
        """
        shares: list[list[Outgoing]] = [[] for _ in self._lines]
        for message in messages:
            shares[message.reservation_id % len(shares)].append(message)
        running: list[Future[list[Outgoing]]] = [
            # the ids of the task belong into the log lines of its threads
            self._threads.submit(contextvars.copy_context().run, work, share, line)
            for share, line in zip(shares, self._lines, strict=True)
            if share
        ]
        while wait(running, timeout=every).not_done:
            meanwhile()
        errors = [error for future in running if (error := future.exception()) is not None]
        if errors:
            raise errors[0]
        return [message for future in running for message in future.result()]
