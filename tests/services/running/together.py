"""Many callers at the same instant."""

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

A = TypeVar("A")
T = TypeVar("T")


def together(
    work: Callable[[A], T], arguments: Sequence[A], *, seconds: float = 60
) -> list[T | Exception]:
    """Call `work` with each argument, each in a thread, all let go at once.

    Results stand in the arguments' order; an exception stands where its result would.
    """
    gate = threading.Barrier(len(arguments))
    results: list[T | Exception] = [TimeoutError("did not come back")] * len(arguments)

    def call(number: int) -> None:
        gate.wait(30)
        try:
            results[number] = work(arguments[number])
        except Exception as error:  # handed to the caller, who judges it
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
    """The results alone. An exception among them is raised."""
    for result in results:
        if isinstance(result, Exception):
            raise result
    return [result for result in results if not isinstance(result, Exception)]
