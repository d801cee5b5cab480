"""Which web process the callers are led to, in docker-compose.yml: a link beside their sockets.

    python -m deploy.live serve granian ...   # on a socket of its own; nginx follows `live`
    python -m deploy.live check               # the container's health check: its own /readyz
    python -m deploy.live turn                # lead the callers here, by one rename
    python -m deploy.live answered            # how many of nginx's /healthz have come here
    python -m deploy.live failed              # how many requests ended here with 5xx
    python -m deploy.live drain               # wait until nobody is connected here any more

Several containers of `web` share the folder WEB_SOCKETS; each socket is called as its container is.
deploy/upgrade.sh starts another version beside the one that serves, and turns the link. Of Python's
own library alone: the check runs every few seconds.
"""

import contextlib
import http.client
import os
import re
import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, sleep, time
from typing import Final

LINK: Final = "live"
#: nginx waits so long for an answer, and then nobody is on the other end.
DRAIN_SECONDS: Final = 45.0
#: The check is given five by docker-compose.yml; what is counted is slow to come on a busy machine.
_CHECK_SECONDS: Final = 4.0
_COUNT_SECONDS: Final = 30.0
#: A socket without a listener may be one that is being made; after so long it is not.
_DEAD_SECONDS: Final = 60.0
#: The kernel's SS_CONNECTING, not accepted yet, and SS_CONNECTED.
_CONNECTED: Final = ("02", "03")
#: nginx's own processes run as another user, and nobody else has this folder.
_PERMISSIONS: Final = "0o666"
_COUNTED: Final = r"^maitred_http_requests_total\{[^}]*%s[^}]*\} (\S+)$"


class _Line(http.client.HTTPConnection):
    """HTTP to a socket's file."""

    def __init__(self, path: Path, *, seconds: float = _CHECK_SECONDS) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        """Raises OSError when nobody listens there."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def folder() -> Path:
    """WEB_SOCKETS, without links in its path: the kernel's table has it so."""
    return Path(os.environ["WEB_SOCKETS"]).resolve()


def own() -> Path:
    """The socket of this container's web process."""
    return folder() / socket.gethostname()


def serve(words: Sequence[str]) -> None:
    """Become that web process. Callers come here at once if nobody else is there.

    Its folder of counts begins empty, and sockets of containers that are gone are removed.
    """
    own().unlink(missing_ok=True)
    if not listens(folder() / LINK):
        turn()
    _sweep()
    if counts := os.environ.get("METRICS_DIR"):
        shutil.rmtree(counts, ignore_errors=True)
        Path(counts).mkdir(parents=True)
    os.environ |= {"GRANIAN_UDS": str(own()), "GRANIAN_UDS_PERMISSIONS": _PERMISSIONS}
    os.execvp(words[0], list(words))  # noqa: S606  # nosec B606 - the compose file's own words


def listens(path: Path) -> bool:
    """Whether somebody does at that socket, or at the one that the link leads to."""
    line = _Line(path)
    try:
        line.connect()
    except OSError:
        return False
    finally:
        line.close()
    return True


def _sweep() -> None:
    """Remove the sockets that nobody has. What cannot be removed does no harm."""
    for path in folder().iterdir():
        with contextlib.suppress(OSError):
            if not path.is_symlink() and path.is_socket() and _is_dead(path):
                path.unlink()


def _is_dead(path: Path) -> bool:
    """Refused, for long enough: a process that is slow to accept is asked in vain, but lives."""
    if time() - path.stat().st_mtime < _DEAD_SECONDS:
        return False
    line = _Line(path)
    try:
        line.connect()
    except ConnectionRefusedError:
        return True
    finally:
        line.close()
    return False


def turn() -> None:
    """Lead the callers here. None of them finds no link: it is replaced by a rename."""
    draft = folder() / f".{own().name}"
    draft.unlink(missing_ok=True)
    draft.symlink_to(own().name)
    draft.replace(folder() / LINK)


def check() -> None:
    """Raises SystemExit with the reason unless /readyz says that it serves."""
    status, text = _ask("/readyz", seconds=_CHECK_SECONDS)
    if status != 200:
        raise SystemExit(f"/readyz: {status} {text[:200]}")


def answered() -> None:
    """Print how many requests for /healthz were answered: nginx asks for it, nobody else does."""
    print(_count('route="/healthz"'))


def failed() -> None:
    """Print how many requests were answered with 5xx."""
    print(_count('status="5..'))


def drain() -> None:
    """Return when nobody is connected here any more; SystemExit after 45 s."""
    ends = monotonic() + DRAIN_SECONDS
    while count := _connected():
        if monotonic() > ends:
            raise SystemExit(f"{count} are still connected; they are answered while it ends")
        sleep(0.1)


def _connected() -> int:
    """How many are, by the kernel's table (proc_pid_net(5), `unix`)."""
    rows = Path("/proc/net/unix").read_text(encoding="utf-8").splitlines()[1:]
    fields = [row.split() for row in rows]
    return sum(len(row) == 8 and row[5] in _CONNECTED and row[7] == str(own()) for row in fields)


def _count(label: str) -> int:
    lines = re.compile(_COUNTED % label, re.MULTILINE)
    _, text = _ask("/metrics", seconds=_COUNT_SECONDS)
    return round(sum(float(count) for count in lines.findall(text)))


def _ask(path: str, *, seconds: float) -> tuple[int, str]:
    line = _Line(own(), seconds=seconds)
    try:
        line.request("GET", path)
        answer = line.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise SystemExit(f"{own()} does not answer: {error}") from error
    finally:
        line.close()


_COMMANDS: Final[dict[str, Callable[[], None]]] = {
    "turn": turn,
    "check": check,
    "answered": answered,
    "failed": failed,
    "drain": drain,
}


def main(argv: Sequence[str]) -> None:
    """One of the commands above."""
    name, words = argv[0] if argv else "", argv[1:]
    if name == "serve" and words:
        serve(words)
    elif name in _COMMANDS and not words:
        _COMMANDS[name]()
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
