"""Many concurrent callers."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from tests.services.running.stack import Asked

A = TypeVar("A")
T = TypeVar("T")


def together(
    work: Callable[[A], T], arguments: Sequence[A], *, seconds: float = 60
) -> list[T | Exception]:
    """Call `work` with each argument, each in its own thread, all released at the same instant.

    Results are in the arguments' order; an exception takes the place of its result.
    """
    gate = threading.Barrier(len(arguments))
    results: list[T | Exception] = [TimeoutError("did not come back")] * len(arguments)

    def call(number: int) -> None:
        gate.wait(30)
        try:
            results[number] = work(arguments[number])
        except Exception as error:  # handed to the caller
            results[number] = error

    threads = [
        threading.Thread(target=call, args=(number,), daemon=True)
        for number in range(len(arguments))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
    return results


def answers(results: Sequence[T | Exception]) -> list[T]:
    """The results alone. Raises an exception among them."""
    for result in results:
        if isinstance(result, Exception):
            raise result
    return [result for result in results if not isinstance(result, Exception)]


def until_taken(ask: Callable[[], Asked], *, attempts: int = 10) -> Asked:
    """Ask again after `Retry-After` while a full server answers 503, as clients are told to.

    `ask` must send the same body and idempotency key each time.
    """
    for _ in range(attempts - 1):
        asked = ask()
        if asked.status != 503:
            return asked
        time.sleep(int(asked.headers["Retry-After"]))
    return ask()
