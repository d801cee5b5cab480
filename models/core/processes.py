"""Children that do not outlive the process that started them."""

import ctypes
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_the_parent() -> None:
    """Between fork and exec: on Linux, SIGTERM comes by itself should the parent be killed.

    The parent is the thread that starts the child: it has to live as long.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
