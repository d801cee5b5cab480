"""Route the traffic of docker-compose.yml to one of several web processes, by a symbolic link.

    python -m deploy.live serve granian ...   # on a socket of its own; nginx follows `live`
    python -m deploy.live check               # the container's health check: its own /readyz
    python -m deploy.live turn                # route traffic here, by one atomic rename
    python -m deploy.live answered            # how many of nginx's /healthz requests came here
    python -m deploy.live failed              # how many requests were answered with 5xx here
    python -m deploy.live drain               # wait until no client is connected here any more

Several containers of `web` share the folder WEB_SOCKETS; each socket has the host name of its
container. deploy/upgrade.sh starts another version next to the serving one, and turns the link.
Uses only the standard library, because the check runs every few seconds. `deploy.live` is the
command's name, since docker-compose.yml and deploy/upgrade.sh also run the image of the release
before, which knows no other.
"""

import contextlib
import http.client
import os
import re
import shutil
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, sleep, time
from typing import Final

LINK: Final = "live"
#: nginx waits this long for an answer; after that no client is left on the connection.
DRAIN_SECONDS: Final = 45.0
#: docker-compose.yml allows the check five seconds. /metrics is slow on a busy machine.
_CHECK_SECONDS: Final = 4.0
_COUNT_SECONDS: Final = 30.0
#: A younger socket without a listener may be one that is just being created.
_DEAD_SECONDS: Final = 60.0
#: The kernel's SS_CONNECTING (not yet accepted) and SS_CONNECTED.
_CONNECTED: Final = ("02", "03")
#: nginx's processes run as another user, and only nginx and `web` mount this folder.
_PERMISSIONS: Final = "0o666"
_COUNTED: Final = r"^maitred_http_requests_total\{[^}]*%s[^}]*\} (\S+)$"


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, *, seconds: float = _CHECK_SECONDS) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        """Connect. Raises OSError when nothing listens there."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def folder() -> Path:
    """Return WEB_SOCKETS without links in its path, as in the kernel's socket table."""
    return Path(os.environ["WEB_SOCKETS"]).resolve()


def own() -> Path:
    """Return the socket path of this container's web process."""
    return folder() / socket.gethostname()


def serve(words: Sequence[str]) -> None:
    """Replace this process by the web process. Take the traffic if no other one serves.

    Empties its metrics folder, and removes the sockets of containers that no longer exist.
    """
    own().unlink(missing_ok=True)
    if not listens(folder() / LINK):
        turn()
    _sweep()
    if counts := os.environ.get("METRICS_DIR"):
        shutil.rmtree(counts, ignore_errors=True)
        Path(counts).mkdir(parents=True)
    os.environ |= {"GRANIAN_UDS": str(own()), "GRANIAN_UDS_PERMISSIONS": _PERMISSIONS}
    os.execvp(words[0], list(words))  # noqa: S606  # nosec B606 - from the compose file


def listens(path: Path) -> bool:
    """Return whether a process listens at that socket, or at the link's target."""
    connection = _UnixConnection(path)
    try:
        connection.connect()
    except OSError:
        return False
    finally:
        connection.close()
    return True


def _sweep() -> None:
    """Remove dead sockets. One that cannot be removed does no harm."""
    for path in folder().iterdir():
        with contextlib.suppress(OSError):
            if not path.is_symlink() and path.is_socket() and _is_dead(path):
                path.unlink()


def _is_dead(path: Path) -> bool:
    """Return whether the socket is old and refuses connections; with a slow process they time
    out.
    """
    if time() - path.stat().st_mtime < _DEAD_SECONDS:
        return False
    connection = _UnixConnection(path)
    try:
        connection.connect()
    except ConnectionRefusedError:
        return True
    finally:
        connection.close()
    return False


def turn() -> None:
    """Route the traffic here. The link is replaced by a rename, so it always exists."""
    # as `models.core.atomic_files.link_atomically`, with the standard library alone
    draft = folder() / f".{own().name}"
    draft.unlink(missing_ok=True)
    draft.symlink_to(own().name)
    draft.replace(folder() / LINK)


def check() -> None:
    """Raise SystemExit with the reason unless /readyz answers 200."""
    status, text = _ask("/readyz", seconds=_CHECK_SECONDS)
    if status != 200:
        raise SystemExit(f"/readyz: {status} {text[:200]}")


def answered() -> None:
    """Print how many /healthz requests were answered. Only nginx requests that path."""
    print(_count('route="/healthz"'))


def failed() -> None:
    """Print how many requests were answered with 5xx."""
    print(_count('status="5..'))


def drain() -> None:
    """Return when no client is connected here any more. Raises SystemExit after 45 s."""
    ends = monotonic() + DRAIN_SECONDS
    while count := _connected():
        if monotonic() > ends:
            raise SystemExit(
                f"{count} connections are still open; they are answered while it stops"
            )
        sleep(0.1)


def _connected() -> int:
    """Count connections in the kernel's table (proc_pid_net(5), `unix`)."""
    rows = Path("/proc/net/unix").read_text(encoding="utf-8").splitlines()[1:]
    fields = [row.split() for row in rows]
    return sum(len(row) == 8 and row[5] in _CONNECTED and row[7] == str(own()) for row in fields)


def _count(label: str) -> int:
    lines = re.compile(_COUNTED % label, re.MULTILINE)
    _, text = _ask("/metrics", seconds=_COUNT_SECONDS)
    return round(sum(float(count) for count in lines.findall(text)))


def _ask(path: str, *, seconds: float) -> tuple[int, str]:
    connection = _UnixConnection(own(), seconds=seconds)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise SystemExit(f"{own()} does not answer: {error}") from error
    finally:
        connection.close()


_COMMANDS: Final[dict[str, Callable[[], None]]] = {
    "turn": turn,
    "check": check,
    "answered": answered,
    "failed": failed,
    "drain": drain,
}


def main(argv: Sequence[str]) -> None:
    """Run one of the commands above."""
    name, words = argv[0] if argv else "", argv[1:]
    if name == "serve" and words:
        serve(words)
    elif name in _COMMANDS and not words:
        _COMMANDS[name]()
    else:
        raise SystemExit(__doc__)
