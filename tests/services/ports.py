"""Free ports, below the range that outgoing connections take theirs from."""

import random
import socket

_given: set[int] = set()


def free_port() -> int:
    """A TCP port of localhost that nobody listens on, never given twice by this process."""
    for _ in range(500):
        port = random.SystemRandom().randrange(15_000, 32_000)
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


def is_listening(port: int) -> bool:
    """Whether somebody accepts connections on this port of localhost."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
