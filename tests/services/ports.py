"""Free ports below the kernel's range of ephemeral ports."""

import os
import random
import socket
from collections.abc import Mapping

_given: set[int] = set()
_FIRST, _LAST = 15_000, 32_000


def free_port() -> int:
    """Return a free TCP port of localhost, never the same twice in this test run.

    Each process of pytest-xdist has its own range: a returned port may be bound much later, and two
    servers that share a port (SO_REUSEPORT) get each other's requests without any error.
    """
    first, last = _own_range(os.environ)
    for _ in range(500):
        port = random.SystemRandom().randrange(first, last)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise RuntimeError("no free port found")


def _own_range(env: Mapping[str, str]) -> tuple[int, int]:
    """The first port and the end of the range, below the kernel's ephemeral ports (from 32768)."""
    processes = int(env.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    number = int(env.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    share = (_LAST - _FIRST) // processes
    return _FIRST + number * share, _FIRST + (number + 1) * share


def is_listening(port: int) -> bool:
    """Whether a server accepts connections on this port of localhost."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
