"""Strict callers: every answer counts, and a closed connection is a failure."""

import http.client
import itertools
import json
import random
import socket
import ssl
import threading
import time
import uuid
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field

from sqlalchemy import func, select

from models.core import clock
from models.core.database.transactions import reading
from models.entities import Message, Reservation
from models.integrity.check import findings
from tests.deploy.hosts.test_nginx import NAME
from tests.release.restaurant import HOST, Machine
from tests.services.running.process import wait_until
from tests.services.running.stack import PASSWORD, evening

#: Number of host stands that follow the book all the time.
STANDS = 2
#: nginx cuts a connection that is idle for 10 s. If the whole machine stalls for this many seconds,
#: that hits connections that are just being opened: still a failure, but with an explanation.
STALL = 5.0
_DAYS = itertools.count(step=STANDS)


@dataclass(frozen=True, slots=True)
class Fault:
    """A request that was neither answered nor accepted, with its begin and end in monotonic
    seconds.
    """

    outcome: str
    who: str
    began: float
    ended: float


@dataclass
class Crowd:
    """Concurrent callers, each with its own address; half of them open a new connection each
    time.
    """

    machine: Machine
    callers: int = 8
    #: requests a second of each caller
    rate: float = 2.5
    #: number of each outcome: "200", "202", or the name of the error
    outcomes: Counter[str] = field(default_factory=Counter)
    #: the texts of answers with status 500 or above
    refusals: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    #: begin and end of each stall of the machine
    stalls: list[tuple[float, float]] = field(default_factory=list)
    #: revisions of the book that each host stand received, in order
    heard: list[list[int]] = field(default_factory=list)
    #: the first of the days that the host stands follow, not used by another crowd
    day: int = field(default_factory=lambda: 21 + next(_DAYS) % 30)
    _threads: list[threading.Thread] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)

    @property
    def failed(self) -> dict[str, int]:
        """The outcomes of failed requests, and their numbers."""
        return Counter(fault.outcome for fault in self.faults)

    def __enter__(self) -> "Crowd":
        self._threads = [
            threading.Thread(target=self._call, args=(number,)) for number in range(self.callers)
        ]
        self._threads += [
            threading.Thread(target=self._stand, args=(number,)) for number in range(STANDS)
        ]
        self._threads.append(threading.Thread(target=self._watch))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _call(self, number: int) -> None:
        context = ssl.create_default_context(cafile=str(self.machine.certificates.authority))
        keeps, line, due = number % 2 == 0, None, time.monotonic()
        while not self._end.wait(max(0.0, due - time.monotonic())):
            due = max(due + 1 / self.rate, time.monotonic())
            who, began = f"127.0.1.{number + 1}", time.monotonic()
            is_cut = False
            try:
                line = line or _connect(self.machine.port, context, who)
                asked = time.monotonic()
                outcome = self._ask(line, reads=int(asked * 1000) % 3 == 0)
                self.seconds.append(time.monotonic() - asked)
            except (OSError, http.client.HTTPException) as error:
                outcome, is_cut = type(error).__name__, True
            self._note(outcome, who, began)
            # nginx announces the end of a connection after 1,000 requests: open a new one then
            if line is not None and (not keeps or is_cut or line.sock is None):
                line.close()
                line = None
        if line is not None:
            line.close()

    def _stand(self, number: int) -> None:
        """Act as a host stand: open one stream of the book's events after the other, without
        a gap.
        """
        context = ssl.create_default_context(cafile=str(self.machine.certificates.authority))
        token, heard = sign_in(self.machine, context), [-1]
        self.heard.append(heard)
        path = f"/api/v1/restaurants/{self.machine.restaurant.slug}/book/events"
        path += f"?date={evening(days=self.day + number).date()}"
        while not self._end.is_set():
            own = {
                "Host": NAME,
                "Authorization": f"Bearer {token}",
                "Last-Event-ID": str(heard[-1]),
            }
            who, began = f"127.0.2.{number + 1}", time.monotonic()
            try:
                with closing(_connect(self.machine.port, context, who)) as line:
                    line.request("GET", path, headers=own)
                    answer = line.getresponse()
                    lines = answer.read().splitlines()
                heard += [int(text[4:]) for text in lines if text.startswith(b"id: ")]
                outcome = "200" if answer.status == 200 else f"stream {answer.status}"
            except (OSError, http.client.HTTPException) as error:
                outcome = f"stream {type(error).__name__}"
            self._note(outcome, who, began)

    def _note(self, outcome: str, who: str, began: float) -> None:
        self.outcomes[outcome] += 1
        if outcome not in ("200", "202"):
            self.faults.append(Fault(outcome, who, began, time.monotonic()))

    def _watch(self) -> None:
        """Record stalls of the machine: this idle thread is due ten times a second."""
        last = time.monotonic()
        while not self._end.wait(0.1):
            now = time.monotonic()
            if now - last > STALL:
                self.stalls.append((last, now))
            last = now

    def _ask(self, line: http.client.HTTPSConnection, *, reads: bool) -> str:
        is_heard = random.random() < 0.1
        days = self.day + random.randrange(STANDS) if is_heard else random.randint(2, 20)
        start = evening(days=days)
        path = f"/api/v1/restaurants/{self.machine.restaurant.slug}"
        if reads:
            asked = f"{path}/availability?date={start.date()}&party_size=2"
            line.request("GET", asked, headers={"Host": NAME})
        else:
            guest = {"name": "Ada", "email": f"{uuid.uuid4().hex}@example.com"}
            body = json.dumps({"party_size": 2, "start": start.isoformat(), "guest": guest})
            headers = {"Host": NAME, "Content-Type": "application/json"}
            headers["Idempotency-Key"] = uuid.uuid4().hex
            line.request("POST", f"{path}/reservations", body, headers)
        answer = line.getresponse()
        content = answer.read()
        if answer.status == 202:
            self.machine.accepted.append(int(json.loads(content)["id"]))
        if answer.status >= 500:
            self.refusals[content[:300].decode()] += 1
        return str(answer.status)


def in_order(place: Machine, *, seconds: float = 120) -> None:
    """Check that exactly the acknowledged reservations exist, decided and notified once."""

    def waiting() -> str:
        with reading(place.engine) as session:
            asked = select(func.count()).where(Reservation.status == "requested")
            told = (Message.kind, Message.state, Message.attempts)
            untold = Message.state.not_in(("sent", "skipped")) & (Message.kind != "reminder")
            rows = session.execute(select(*told, func.count()).where(untold).group_by(*told)).all()
            return f"{session.scalar(asked)} asked, {rows}"

    wait_until(lambda: waiting() == "0 asked, []", seconds=seconds, what=waiting, every=0.1)
    with reading(place.engine) as session:
        theirs = select(Reservation.id).where(Reservation.restaurant_id == place.restaurant.id)
        assert sorted(session.scalars(theirs)) == sorted(place.accepted)
    with reading(place.engine) as session:
        assert findings(session, now=clock.now(), grace_seconds=0) == []
    told = [mail.message["Message-ID"] for mail in place.mailbox.mails()]
    assert len(told) == len(set(told))


def sign_in(place: Machine, context: ssl.SSLContext) -> str:
    """Return the access token of a host of the restaurant."""
    line = _connect(place.port, context, "127.0.2.1")
    body = json.dumps({"email": HOST, "password": PASSWORD})
    headers = {"Host": NAME, "Content-Type": "application/json"}
    line.request("POST", "/api/v1/auth/sign-in", body, headers)
    token = str(json.loads(line.getresponse().read())["access_token"])
    line.close()
    return token


def _connect(port: int, context: ssl.SSLContext, own: str) -> http.client.HTTPSConnection:
    """Open a connection from the address `own`, with TLS to the public host name."""
    line = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=context)
    plain = socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(own, 0))
    line.sock = context.wrap_socket(plain, server_hostname=NAME)
    return line
