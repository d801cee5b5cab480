"""Where releases live on this machine: two slots, their sockets, and nginx's four links."""

import os
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Final, Literal

import httpx

Slot = Literal["blue", "green"]
SLOTS: Final[tuple[Slot, Slot]] = ("blue", "green")
#: Shares of the callers, in per cent, each a link; turned one after the other by a canary.
SHARES: Final = (5, 25, 50, 100)
#: nginx waits so long for an answer, and then nobody is on the other end.
DRAIN_SECONDS: Final = 45.0
_CONNECTED: Final = "03"
#: A web process did not answer, or not as HTTP wants it.
NoAnswer = httpx.HTTPError


def other(slot: Slot) -> Slot:
    """The slot that it is not."""
    return "green" if slot == "blue" else "blue"


@dataclass(frozen=True, slots=True)
class Place:
    """`state` holds what is known of releases; `sockets` the slots' sockets and nginx's links."""

    state: Path
    sockets: Path

    def make(self) -> None:
        """Make both folders. Raises OSError."""
        self.state.mkdir(parents=True, exist_ok=True)
        self.sockets.mkdir(parents=True, exist_ok=True)

    def socket(self, slot: Slot) -> Path:
        """Where the web process of this slot listens."""
        return self.sockets / slot

    def metrics(self, slot: Slot) -> Path:
        """Where the slot's processes put what they count."""
        return self.state / f"{slot}.metrics"

    def name(self, what: str, folder: Path) -> None:
        """Lead the link of a slot, or "live", to a version: `STATE/version/WHAT`."""
        link = self.state / "version" / what
        link.parent.mkdir(exist_ok=True)
        draft = link.with_name(f".{what}.next")
        draft.unlink(missing_ok=True)
        draft.symlink_to(folder)
        draft.replace(link)

    def turn(self, shares: tuple[int, ...], slot: Slot) -> None:
        """Lead these shares to that slot: each by one rename, so that no caller finds no link."""
        for share in shares:
            draft = self.sockets / f".{share}.next"
            draft.unlink(missing_ok=True)
            draft.symlink_to(slot)
            draft.replace(self.sockets / str(share))

    def ask(self, slot: Slot, path: str, *, seconds: float = 10) -> httpx.Response:
        """GET from the slot's web process itself, past nginx. Raises NoAnswer."""
        with self.client(slot, seconds=seconds) as client:
            return client.get(path)

    def client(self, slot: Slot, *, seconds: float = 15) -> httpx.Client:
        """A client of the slot's web process itself."""
        transport = httpx.HTTPTransport(uds=str(self.socket(slot)))
        return httpx.Client(transport=transport, base_url="http://localhost", timeout=seconds)

    def drain(self, slot: Slot) -> bool:
        """Wait until nobody is connected to the slot's socket any more; False after 45 s."""
        ends = monotonic() + DRAIN_SECONDS
        while self._lines(slot):
            if monotonic() > ends:
                return False
            sleep(0.1)
        return True

    def _lines(self, slot: Slot) -> int:
        """How many are connected to it, by the kernel's table (proc_pid_net(5), `unix`)."""
        # nginx came by a link, and the table names the socket as the web process bound it
        names = {str(self.socket(slot)), os.path.realpath(self.sockets) + f"/{slot}"}
        rows = Path("/proc/net/unix").read_text(encoding="utf-8").splitlines()[1:]
        fields = [row.split() for row in rows]
        return sum(len(row) == 8 and row[5] == _CONNECTED and row[7] in names for row in fields)
