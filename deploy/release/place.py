"""The folders of releases on this machine: two slots, their sockets, and nginx's four links."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import httpx

from models.core.atomic_files import link_atomically
from models.core.waiting import wait_until

Slot = Literal["blue", "green"]
#: Shares of the callers, in per cent, each with a link; a canary turns one after the other.
SHARES: Final = (5, 25, 50, 100)
#: nginx waits this long for an answer; after that no client is left on the connection.
DRAIN_SECONDS: Final = 45.0
_CONNECTED: Final = "03"
#: A web process did not answer, or not with valid HTTP.
NoAnswer = httpx.HTTPError


def other(slot: Slot) -> Slot:
    """Return the other slot."""
    return "green" if slot == "blue" else "blue"


@dataclass(frozen=True, slots=True)
class Place:
    """Two folders: `state` for records of releases, `sockets` for sockets and nginx's links."""

    state: Path
    sockets: Path

    def make(self) -> None:
        """Create both folders. Raises OSError."""
        self.state.mkdir(parents=True, exist_ok=True)
        self.sockets.mkdir(parents=True, exist_ok=True)

    def socket(self, slot: Slot) -> Path:
        """Return the socket on which this slot's web process listens."""
        return self.sockets / slot

    def metrics(self, slot: Slot) -> Path:
        """Return the folder for the metrics of the slot's processes."""
        return self.state / f"{slot}.metrics"

    def name(self, what: str, folder: Path) -> None:
        """Point the link of a slot, or "live", to a version: `STATE/version/WHAT`."""
        link = self.state / "version" / what
        link.parent.mkdir(exist_ok=True)
        link_atomically(link, folder)

    def route(self, shares: tuple[int, ...], slot: Slot) -> None:
        """Point these shares to that slot, each by one rename, so that the link always exists."""
        for share in shares:
            link_atomically(self.sockets / str(share), slot)

    def ask(self, slot: Slot, path: str, *, seconds: float = 10) -> httpx.Response:
        """GET a path from the slot's web process directly, not through nginx. Raises NoAnswer."""
        with self.client(slot, seconds=seconds) as client:
            return client.get(path)

    def client(self, slot: Slot, *, seconds: float = 15) -> httpx.Client:
        """Return a client of the slot's web process itself."""
        transport = httpx.HTTPTransport(uds=str(self.socket(slot)))
        return httpx.Client(transport=transport, base_url="http://localhost", timeout=seconds)

    def drain(self, slot: Slot) -> bool:
        """Wait until no client is connected to the slot's socket; False after 45 s."""
        return wait_until(lambda: not self._lines(slot), every=0.1, seconds=DRAIN_SECONDS)

    def _lines(self, slot: Slot) -> int:
        """Count connections in the kernel's table (proc_pid_net(5), `unix`)."""
        # nginx connects by a link; the table has the path that the web process bound
        names = {str(self.socket(slot)), os.path.realpath(self.sockets) + f"/{slot}"}
        rows = Path("/proc/net/unix").read_text(encoding="utf-8").splitlines()[1:]
        fields = [row.split() for row in rows]
        return sum(len(row) == 8 and row[5] == _CONNECTED and row[7] in names for row in fields)
