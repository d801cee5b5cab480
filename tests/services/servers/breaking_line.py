"""A proxy on localhost between a client and a server, which breaks or falls silent on demand."""

import socket
import threading
from collections.abc import Callable
from functools import partial
from types import TracebackType

_BLOCK = 65_536


class BreakingLine:
    """`with BreakingLine(port) as line:` proxies `line.port` to that port, both ways."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._after, self._times = 0, 0
        self._silent, self._silences = False, 0
        self._lost: list[socket.socket] = []
        self._unanswered = b""
        self.port: int = self._listening.getsockname()[1]
        self.broken = 0

    def break_after(self, count: int, *, times: int) -> None:
        """Break `times` connections, each after it carried so many bytes from now on."""
        with self._lock:
            self._after, self._times = count, times

    def fall_silent(self) -> None:
        """Drop every byte of open and new connections, without an end or a refusal.

        As when a firewall forgets its connections, or a cable is pulled.
        """
        self._silent = True
        self._silences += 1

    def speak_again(self) -> None:
        """Let new connections work. A silent one stays silent, on both sides."""
        self._silent = False

    def lose_the_answer_to(self, word: bytes) -> None:
        """Break one connection after it passed this word (in any case), before the answer."""
        with self._lock:
            self._unanswered = word.lower()

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
        for end in self._lost:
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return  # closed
            if self._silent:
                self._start(self._swallow, near)
                continue
            far = socket.create_connection(("127.0.0.1", self._target))
            born, mute = self._silences, threading.Event()
            self._start(self._pass_on, near, far, born, self._watch_for_the_word(mute))
            self._start(self._pass_on, far, near, born, partial(_is_set, mute))

    def _watch_for_the_word(self, mute: threading.Event) -> Callable[[bytes], bool]:
        def never_ends(block: bytes) -> bool:
            with self._lock:
                if self._unanswered and self._unanswered in block.lower():
                    self._unanswered = b""
                    self.broken += 1
                    mute.set()
            return False

        return never_ends

    @staticmethod
    def _start(work: Callable[..., None], *values: object) -> None:
        threading.Thread(target=work, args=values, daemon=True).start()

    def _pass_on(
        self, one: socket.socket, other: socket.socket, born: int, ends: Callable[[bytes], bool]
    ) -> None:
        carried = 0
        try:
            while block := one.recv(_BLOCK):
                carried += len(block)
                if born < self._silences or ends(block) or self._breaks(carried):
                    break
                other.sendall(block)
        except OSError:
            pass  # the other direction broke
        if born < self._silences:
            self._swallow(one)
            return
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # already done
            end.close()

    def _swallow(self, one: socket.socket) -> None:
        try:
            while one.recv(_BLOCK):
                pass
        except OSError:
            pass
        self._lost.append(one)  # kept open, so that neither side sees an end

    def _breaks(self, carried: int) -> bool:
        with self._lock:
            if not self._times or carried < self._after:
                return False
            self._times -= 1
            self.broken += 1
            return True


def _is_set(mute: threading.Event, _block: bytes) -> bool:
    return mute.is_set()
