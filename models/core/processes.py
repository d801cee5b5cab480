"""Processes and who started them: children that do not outlive it, and a word to systemd."""

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
    """Between fork and exec: on Linux, SIGTERM comes by itself should the parent be killed.

    The parent is the thread that starts the child: it has to live as long.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def systemd_listens_at() -> str:
    """Where systemd hears this process; "" where it does not. Asked once: from then on no child
    is told the address, since its words would be taken for ours, or be refused."""
    return os.environ.pop("NOTIFY_SOCKET", "")


def tell_systemd(where: str, what: str) -> None:
    """A line of sd_notify(3). One that is not heard is no matter: the next one comes."""
    # a leading @ stands for the NUL of an abstract name
    address = f"\0{where[1:]}" if where.startswith("@") else where
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line, suppress(OSError):
        line.sendto(what.encode(), address)
