"""Strict callers during an upgrade: `python callers.py HOST CERTIFICATE RESTAURANT DAY`.

Standard library only. Every answer counts; a connection closed early is a failure, and nothing is
retried. Half of the callers keep their connections, the others open a new one for each request. At
the end of its input the program stops and prints the results as JSON.
"""

import http.client
import itertools
import json
import random
import socket
import ssl
import sys
import threading
import time
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, Final

CALLERS: Final = 24
#: Requests per second of each caller; nginx takes 20 from one address.
RATE: Final = 4.0
#: One request in so many is for a table, the others read availability.
READS: Final = 4
#: They reserve on so many days, from DAY days ahead on.
DAYS: Final = 21
PORT: Final = 443
TIMEOUT: Final = 30


class Callers:
    """`start`, `stop`, then read `report`."""

    def __init__(self, host: str, certificate: str, restaurant: str, day: int) -> None:
        self._host, self._path = host, f"/api/v1/restaurants/{restaurant}"
        self._context = ssl.create_default_context(cafile=certificate)
        self._outcomes: Counter[str] = Counter()
        self._said: Counter[str] = Counter()
        self._slowest: dict[str, float] = {}
        self._faults: list[tuple[str, str, str]] = []
        self._accepted: list[int] = []
        self._starts = self._free_starts(day)
        self._end = threading.Event()
        self._guests = itertools.count()
        self._threads = [
            threading.Thread(target=self._call, args=(number,)) for number in range(CALLERS)
        ]

    def start(self) -> None:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Send no further request; wait for those under way."""
        self._end.set()
        for thread in self._threads:
            thread.join()

    def report(self) -> dict[str, Any]:
        """The results of all requests."""
        done = sum(self._outcomes.values())
        return {
            "requests": done,
            "failed": len(self._faults),
            "outcomes": dict(self._outcomes),
            "faults": self._faults[:50],
            "said": dict(self._said.most_common(5)),
            "slowest_seconds": {kind: round(each, 3) for kind, each in self._slowest.items()},
            "seconds": round(time.monotonic() - self._began, 1),
            "accepted": self._accepted,
        }

    def progress(self) -> int:
        """The number of finished requests."""
        return sum(self._outcomes.values())

    def _call(self, number: int) -> None:
        keeps, line, due = number % 2 == 0, None, time.monotonic()
        for turn in itertools.count(number):
            if self._end.wait(max(0.0, due - time.monotonic())):
                break
            due = max(due + 1 / RATE, time.monotonic())
            kind = "POST" if turn % READS == 0 else "GET"
            began, is_cut = time.monotonic(), False
            try:
                line = line or self._connected(f"127.0.1.{number + 1}")
                outcome = self._ask(line, kind)
            except (OSError, http.client.HTTPException) as error:
                outcome, is_cut = type(error).__name__, True
            took = time.monotonic() - began
            self._outcomes[f"{kind} {outcome}"] += 1
            self._slowest[kind] = max(self._slowest.get(kind, 0.0), took)
            if outcome not in ("200", "202"):
                self._faults.append((f"{datetime.now(UTC):%H:%M:%S.%f}", kind, outcome))
            # nginx announces the end of a connection after 1,000 requests
            if line is not None and (not keeps or is_cut or line.sock is None):
                line.close()
                line = None
        if line is not None:
            line.close()

    def _free_starts(self, first: int) -> list[str]:
        """Free starts to request tables at. Later they are full, which is no failure."""
        line, found = self._connected("127.0.0.1"), list[str]()
        for days in range(first, first + DAYS):
            day = (datetime.now(UTC) + timedelta(days=days)).date()
            line.request("GET", f"{self._path}/availability?date={day}&party_size=2")
            found += [slot["start"] for slot in json.loads(line.getresponse().read())["slots"]]
        line.close()
        if not found:
            raise SystemExit(f"no table is free from {first} days ahead on")
        return found

    def _connected(self, own: str) -> http.client.HTTPSConnection:
        line = http.client.HTTPSConnection(self._host, PORT, timeout=TIMEOUT, context=self._context)
        plain = socket.create_connection(("127.0.0.1", PORT), TIMEOUT, source_address=(own, 0))
        line.sock = self._context.wrap_socket(plain, server_hostname=self._host)
        return line

    def _ask(self, line: http.client.HTTPSConnection, kind: str) -> str:
        start = random.choice(self._starts)
        if kind == "GET":
            line.request("GET", f"{self._path}/availability?date={start[:10]}&party_size=2")
        else:
            email = f"guest-{next(self._guests)}-{uuid.uuid4().hex[:8]}@example.com"
            guest = {"name": "Ada", "email": email}
            body = json.dumps({"party_size": 2, "start": start, "guest": guest})
            own = {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
            line.request("POST", f"{self._path}/reservations", body, own)
        answer = line.getresponse()
        content = answer.read()
        if answer.status == 202:
            self._accepted.append(int(json.loads(content)["id"]))
        elif answer.status != 200:
            self._said[content[:200].decode(errors="replace")] += 1
        return str(answer.status)


def main(host: str, certificate: str, restaurant: str, day: str) -> None:
    """Call until the input ends; answer each of its lines with the number of finished requests."""
    callers = Callers(host, certificate, restaurant, int(day))
    callers.start()
    for _ in sys.stdin:
        print(callers.progress(), flush=True)
    callers.stop()
    print(json.dumps(callers.report()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
