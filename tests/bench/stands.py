"""Many host stands at one web process: `python -m tests.bench.stands [STANDS]`.

Each stand follows the event stream of the same evening, reconnects as the page does, and notes
when it hears of an act. Prints the memory and the idle CPU of the web process, and how long after
the act's request the stands heard of it. Exits with 1 when the last waited for a second or more.
"""

import asyncio
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from statistics import median
from time import monotonic, perf_counter
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
import psutil
from sqlalchemy import create_engine

from models.core import clock
from models.core.database.transactions import transaction
from models.operations.accounts.accounts import create_account, grant_role, hash_password
from models.rules.permissions import Role
from tests.bench.ground import Ground, ground
from tests.bench.load import percentile
from tests.services.running.restaurant import (
    OpenRestaurant,
    ShiftTimes,
    open_restaurant,
    zone_in_the_evening,
)
from web.api.stand.book_events import AGAIN_MS

PASSWORD: Final = "only for tests, and long"
#: so many stands of one account: the process grants it a quarter of all
EACH: Final = 20
#: threads beside those of the streams
SPARE: Final = 24
_IDLE_SECONDS: Final = 5.0


@dataclass(slots=True)
class Stand:
    """One stand: the newest revision that it heard of, and when (perf_counter)."""

    wire: str
    port: int
    revision: int = -1
    at: float = 0.0

    async def follow(self) -> None:
        """Follow the stream, and the next one when it ends."""
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(f"{self.wire}Last-Event-ID: {self.revision}\r\n\r\n".encode())
                await self._hear(reader)
            finally:
                writer.close()
            await asyncio.sleep(AGAIN_MS / 1000)

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        status = await reader.readline()
        if b" 200 " not in status:
            raise RuntimeError(f"a stand was refused: {status!r}")
        while line := await reader.readline():
            if line.startswith(b"id: "):
                self.revision, self.at = int(line[4:]), perf_counter()


@dataclass(slots=True)
class Measured:
    """What so many stands cost, and how long after each act they heard of it (seconds)."""

    stands: int
    megabytes: float
    idle_share: float
    #: of each act: the seconds of every stand, ascending
    acts: list[list[float]] = field(default_factory=list)
    #: seconds until the act's own answer
    answers: list[float] = field(default_factory=list)

    @property
    def last(self) -> float:
        """The seconds until the last stand heard, of the act in the middle."""
        return median(each[-1] for each in self.acts)

    @property
    def worst(self) -> float:
        """The seconds until the last stand heard, of the slowest act."""
        return max(each[-1] for each in self.acts)

    def __str__(self) -> str:
        middle = median(second for each in self.acts for second in each)
        return (
            f"{self.stands} stands: web process {self.megabytes:.0f} MB, idle "
            f"{self.idle_share:.0%} of a core; {len(self.acts)} acts answered in "
            f"{percentile(self.answers, 0.5) * 1e3:.0f} ms, heard by the middle stand after "
            f"{middle * 1e3:.0f} ms, by the last after {self.last * 1e3:.0f} ms "
            f"(the slowest act: {self.worst * 1e3:.0f} ms)"
        )


class Evening:
    """A restaurant, its staff, and one party that comes and goes."""

    def __init__(self, bench: Ground, accounts: int) -> None:
        self.port = bench.port
        bind = create_engine(bench.env["DATABASE_URL"])
        shift = ShiftTimes(first=time(16), last=time(22), ends=time(23, 45))
        self.restaurant: OpenRestaurant = open_restaurant(
            bind, shifts={"dinner": shift}, zone=zone_in_the_evening()
        )
        emails = [f"host{number}@example.com" for number in range(accounts)]
        hashed = hash_password(PASSWORD)
        with transaction(bind) as session:
            for email in emails:
                number = create_account(
                    session, email, name="", password_hash=hashed, now=clock.now()
                )
                grant_role(session, number, restaurant_id=self.restaurant.id, role=Role.HOST)
        bind.dispose()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{bench.port}", timeout=30)
        self.tokens = [self._signed_in(email) for email in emails]
        self.client.headers["Authorization"] = f"Bearer {self.tokens[0]}"
        self.day = clock.now().astimezone(ZoneInfo(zone_in_the_evening())).date().isoformat()
        self.party = self._book()

    def _signed_in(self, email: str) -> str:
        body = {"email": email, "password": PASSWORD}
        answer = self.client.post("/api/v1/auth/sign-in", json=body).raise_for_status()
        return str(answer.json()["access_token"])

    def _book(self) -> dict[str, Any]:
        quarter = int(clock.now().timestamp()) // 900
        body = {"party_size": 2, "start": datetime.fromtimestamp(quarter * 900, UTC).isoformat(),
                "guest": {"name": "Ada"}, "notify": False}  # fmt: skip
        path = f"/api/v1/restaurants/{self.restaurant.slug}/book/reservations"
        answer = self.client.post(path, json=body, headers={"Idempotency-Key": "ada"})
        return dict(answer.raise_for_status().json())

    def act(self) -> None:
        """One act of the host: the party arrives, or that is taken back."""
        path = f"/api/v1/reservations/{self.party['id']}"
        verb = "arrive" if self.party["status"] == "confirmed" else "take-back"
        body = {"from": self.party["status"]}
        self.party = self.client.post(f"{path}/{verb}", json=body).raise_for_status().json()

    def stands(self, count: int) -> list[Stand]:
        """Return so many stands; nobody follows yet."""
        path = f"/api/v1/restaurants/{self.restaurant.slug}/book/events?date={self.day}"
        wires = [
            f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n"
            f"Authorization: Bearer {token}\r\n"
            for token in self.tokens
        ]
        return [Stand(wires[number % len(wires)], self.port) for number in range(count)]


async def follow(bench: Ground, evening: Evening, count: int, acts: int) -> Measured:
    """Let so many stands follow so many acts."""
    stands = evening.stands(count)
    following = [asyncio.create_task(each.follow()) for each in stands]
    try:
        await _all_hear(stands, -1, following)
        before, began = bench.cpu()["web"], perf_counter()
        await asyncio.sleep(_IDLE_SECONDS)
        share = (bench.cpu()["web"] - before) / (perf_counter() - began)
        found = Measured(count, memory(bench), share)
        for _ in range(acts):
            await _one_act(evening, stands, following, found)
        return found
    finally:
        for each in following:
            each.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        await asyncio.sleep(0.1)  # the lines are closed in the loop


async def _one_act(
    evening: Evening, stands: list[Stand], following: list[asyncio.Task[None]], found: Measured
) -> None:
    known, began = stands[0].revision, perf_counter()
    await asyncio.to_thread(evening.act)
    found.answers.append(perf_counter() - began)
    await _all_hear(stands, known, following)
    found.acts.append(sorted(each.at - began for each in stands))


async def _all_hear(
    stands: list[Stand], known: int, following: list[asyncio.Task[None]], *, seconds: float = 60
) -> None:
    """Wait until every stand has heard of something newer. Raises what a stand raised."""
    ends = monotonic() + seconds
    while any(each.revision <= known for each in stands):
        for task in following:
            if task.done():
                task.result()
        if monotonic() > ends:
            deaf = sum(each.revision <= known for each in stands)
            raise TimeoutError(f"{deaf} of {len(stands)} stands heard nothing for {seconds} s")
        await asyncio.sleep(0.005)


def memory(bench: Ground) -> float:
    """Return the resident megabytes of the web process and its children."""
    web = psutil.Process(bench.processes["web"].pid)
    return sum(each.memory_info().rss for each in [web, *web.children(recursive=True)]) / 1e6


def measure(*counts: int, acts: int = 20) -> list[Measured]:
    """Measure each number of stands, one after the other, at the same web process."""
    with ground() as bench:
        most = sum(counts)  # a stand that goes leaves its place only when the process writes to it
        bench.env |= {"STREAMS_MAX": str(most), "WEB_THREADS": str(most + SPARE)}
        bench.start_web(threads=most + SPARE)
        evening = Evening(bench, accounts=-(-most // EACH))
        try:
            for _ in range(20):  # the process has all that it loads late
                evening.act()
            return [asyncio.run(follow(bench, evening, count, acts)) for count in counts]
        finally:
            evening.client.close()


def main(most: int) -> int:
    """Print what few and many stands cost; return 1 when an act reached one too late."""
    found = measure(4, most)
    for each in found:
        print(each)
    few, many = found
    print(f"memory of a stand: {(many.megabytes - few.megabytes) / (most - 4) * 1e3:.0f} KB")
    return 0 if many.last < 1 else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
