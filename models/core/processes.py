"""Child processes that end with their parent, and notifications to systemd."""

import ctypes
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_the_parent() -> None:
    """Run between fork and exec: on Linux, the child gets SIGTERM if its parent is killed.

    The parent is the thread that starts the child: it must live as long as the child.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def take_notify_socket() -> str:
    """Take NOTIFY_SOCKET, systemd's address, out of the environment; "" if there is none.

    It is removed so that no child inherits it: systemd would take the child's messages for ours, or
    refuse them.
    """
    return os.environ.pop("NOTIFY_SOCKET", "")


def notify_systemd(where: str, what: str) -> None:
    """Send a line of sd_notify(3). A lost line does not matter: the next one follows."""
    # a leading @ stands for the NUL of an abstract socket name
    address = f"\0{where[1:]}" if where.startswith("@") else where
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line, suppress(OSError):
        line.sendto(what.encode(), address)
