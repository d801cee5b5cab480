"""A line between a client and a server of localhost, which breaks when it is told to."""

import socket
import threading
from types import TracebackType

_BLOCK = 65_536


class BreakingLine:
    """`with BreakingLine(port) as line:` passes on what comes to `line.port`, both ways."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._after, self._times = 0, 0
        self.port: int = self._listening.getsockname()[1]
        self.broken = 0

    def break_after(self, count: int, *, times: int) -> None:
        """So many times, a connection breaks that has carried so many bytes from now on."""
        with self._lock:
            self._after, self._times = count, times

    def __enter__(self) -> "BreakingLine":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return  # closed
            far = socket.create_connection(("127.0.0.1", self._target))
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        carried = 0
        try:
            while block := one.recv(_BLOCK):
                carried += len(block)
                if self._breaks(carried):
                    break
                other.sendall(block)
        except OSError:
            pass  # the other way broke
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # so it is already
            end.close()

    def _breaks(self, carried: int) -> bool:
        with self._lock:
            if not self._times or carried < self._after:
                return False
            self._times -= 1
            self.broken += 1
            return True
