"""Waiting for a condition that nothing announces, by polling."""

import time
from collections.abc import Callable
from math import inf
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T],
    *,
    every: float,
    seconds: float = inf,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> T:
    """Call `condition`, every so many seconds, until it returns something true.

    Returns what it returned last: something false if that took longer than `seconds`. It is called
    at least once, and its errors are passed on.
    """
    ends = monotonic() + seconds
    while not (found := condition()) and monotonic() <= ends:
        sleep(every)
    return found
