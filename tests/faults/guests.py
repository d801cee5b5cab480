"""Guests who go on asking during faults, and what must hold after recovery."""

import threading
import time
import uuid
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx
from sqlalchemy import select

from models.entities import Message
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stack import Asked, Stack, evening


@dataclass(slots=True)
class Crowd:
    """`with Crowd(stack, restaurant, guests=6) as crowd:` requests tables until the `with` ends.

    Every guest repeats a request that got no answer, with the same key, as a client should.
    """

    stack: Stack
    restaurant: OpenRestaurant
    guests: int = 6
    #: between two requests of a guest (seconds)
    pause: float = 0.03
    accepted: list[Asked] = field(default_factory=list)
    refused: list[Asked] = field(default_factory=list)
    unanswered: int = 0
    #: the recipients of the accepted requests
    emails: set[str] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [
            threading.Thread(target=self._ask, args=(number,), daemon=True)
            for number in range(self.guests)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def _ask(self, number: int) -> None:
        days = 1
        while not self._over.is_set():
            days = days % 40 + 1
            self._ask_until_answered(evening(days, hour=16 + number % 4), uuid.uuid4().hex)
            time.sleep(self.pause)

    def _ask_until_answered(self, start: object, key: str) -> None:
        email = f"{key}@example.com"
        ends = time.monotonic() + 30
        while time.monotonic() < ends:
            try:
                asked = self.stack.post(self.restaurant, start=start, key=key, email=email)  # type: ignore[arg-type]
            except httpx.HTTPError:
                self.unanswered += 1
            else:
                if asked.status == 202:
                    self.accepted.append(asked)
                    self.emails.add(email)
                    return
                self.refused.append(asked)
            time.sleep(0.1)

    @property
    def ids(self) -> list[int]:
        """The reservation ids of all accepted requests."""
        return [asked.id for asked in self.accepted]


def assert_all_checks_pass(stack: Stack) -> None:
    """No work waits and `maitred check` has no finding: no table sold twice, everybody notified."""
    stack.wait_quiet(seconds=60)
    found = stack.findings()
    assert not found, found
    with stack.engine.connect() as connection:
        unsent = connection.scalars(
            # skipped: out of date when its turn came, such as the confirmation of a cancelled party
            select(Message.id).where(
                Message.kind != "reminder", Message.state.not_in(("sent", "skipped"))
            )
        ).all()
    assert not unsent, unsent
