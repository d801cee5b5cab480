"""Guests who continuously request tables and record every acknowledgement."""

import http.client
import itertools
import threading
import time
from dataclasses import dataclass, field
from typing import Final

import orjson

from tests.bench.restaurants import Wishes

_GUESTS: Final = 4
#: Seconds before a guest repeats a request without an answer, with the same key.
_AGAIN: Final = 0.1


@dataclass(slots=True)
class Guests:
    """`rate` requests a second, until `stop`; all times are time.time()."""

    port: int
    source: Wishes
    rate: float
    #: (time of the acknowledgement, reference)
    ledger: list[tuple[float, str]] = field(default_factory=list)
    #: (time of the request, seconds to the answer) of requests acknowledged at the first attempt
    waits: list[tuple[float, float]] = field(default_factory=list)
    #: answers that were neither 202 nor a refusal of the server as a whole
    odd: list[int] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self._threads += [
            threading.Thread(target=self._ask, args=(number,)) for number in range(_GUESTS)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Send no more requests, and wait for those under way."""
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        pause, due, line = _GUESTS / self.rate, time.time(), None
        while not self._end.is_set():
            due = max(due + pause, time.time())
            self._end.wait(due - time.time())
            number += _GUESTS
            post = self.source.post(number)
            asked, tries = time.time(), 0
            while not self._end.is_set():
                tries += 1
                line = line or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                status, reference = _answer(line, post.path, post.key, orjson.dumps(post.body))
                if status == 202:
                    now = time.time()
                    self.ledger.append((now, reference))
                    if tries == 1:
                        self.waits.append((asked, now - asked))
                    break
                if status in (0, 503):
                    line.close()
                    line = None
                    self._end.wait(_AGAIN)
                    continue
                self.odd.append(status)
                break

    def first_after(self, moment: float) -> float:
        """The time of the first acknowledgement after `moment`; 0.0 without one."""
        return min((at for at, _ in list(self.ledger) if at > moment), default=0.0)

    def longest_gap(self, since: float, until: float) -> float:
        """The longest time between two acknowledgements in that period, in seconds."""
        times = sorted(at for at, _ in list(self.ledger) if since <= at <= until)
        return max((b - a for a, b in itertools.pairwise(times)), default=0.0)

    def waited(self, since: float, until: float) -> list[float]:
        """Seconds to the answer of each request sent in that period."""
        return [took for asked, took in list(self.waits) if since <= asked <= until]


def _answer(line: http.client.HTTPConnection, path: str, key: str, body: bytes) -> tuple[int, str]:
    """Status and reference; 0 without an answer."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    try:
        line.request("POST", path, body=body, headers=headers)
        answer = line.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException):
        return 0, ""
    return answer.status, orjson.loads(content)["reference"] if answer.status == 202 else ""
