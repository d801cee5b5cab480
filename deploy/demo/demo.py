"""`maitred demo`: hundreds of guests ask at once, and an evening at the stand, each checked."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Final

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from deploy.cli.check import show_check
from deploy.cli.errors import Refused
from deploy.demo import report
from deploy.demo.guests import DemoGuest, invite
from deploy.demo.host import sign_in, sign_out
from deploy.demo.tonight import faults_of, open_tonight, play_tonight
from models.core import clock
from models.core.database.transactions import reading, unit
from models.core.settings import settings
from models.operations.floor.file import read_restaurant
from models.operations.floor.load import load_restaurant
from models.queries.book import evening as tally
from models.queries.floor.load import restaurant_by_slug
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import Sitting, sittings_on

EXAMPLE: Final = Path(__file__).resolve().parents[2] / "examples" / "friday.toml"
FRIDAY: Final = 4
#: A request without an answer is repeated with the same key, up to this many attempts.
TRIES: Final = 5
PATIENCE_SECONDS: Final = 120
#: Status codes after which the request is repeated.
BUSY: Final = frozenset({409, 429, 503})


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """Number of guests, number of connections, and the seed of the guests."""

    guests: int = 300
    at_once: int = 50
    seed: int = 7


@dataclass(slots=True)
class Evening:
    """Results so far: answers by guest, seconds of each POST, and refusals."""

    accepted: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    decisions: list[float] = field(default_factory=list)


def play_evening(plan: DemoPlan, *, url: str = "") -> bool:
    """Play it at the installation at `url` (PUBLIC_URL by default), and print the results.

    Return whether every accepted request is decided and the database check has no findings. Raises
    Refused when nothing answers there, or DATABASE_URL is not that installation's database.
    """
    console = Console()
    base = (url or settings().public_url).rstrip("/")
    _check_healthy(base)
    file = read_restaurant(EXAMPLE.read_text(encoding="utf-8"))
    unit(lambda session: load_restaurant(session, file, now=clock.now()))
    restaurant, sitting = _free_friday(file.slug)
    guests = invite(restaurant, sitting, count=plan.guests, seed=plan.seed)
    console.print(
        f"{plan.guests} guests ask {restaurant.name} ({base}) for a table on Friday,"
        f" {sitting.service_date}; {plan.at_once} concurrent requests"
    )
    evening = asyncio.run(_play(guests, base, restaurant, sitting.book_id, plan, console))
    return _report(console, evening, sitting.book_id)


def play_stand(*, url: str = "") -> bool:
    """Play an evening at the host stand of the installation at `url`, in plain words, and check it.

    Return whether everything went as it should and the check has no findings. Raises Refused.
    """
    console = Console()
    base = (url or settings().public_url).rstrip("/")
    _check_healthy(base)
    restaurant = open_tonight(EXAMPLE.read_text(encoding="utf-8"))
    host, email = sign_in(base, restaurant, console)
    console.print(f"An evening at the stand of {restaurant.name} ({base}/stand/{restaurant.slug})")
    try:
        play_tonight(host)
        wrong = host.refused + faults_of(host.book())
    finally:
        host.client.close()
        sign_out(email)
    for line in wrong:
        console.print(f"wrong: {line}", highlight=False, soft_wrap=True)
    console.print(f"{host.acts} acts through the API\n")
    return show_check(grace_seconds=30) and not wrong


def _check_healthy(base: str) -> None:
    try:
        answer = httpx.get(f"{base}/healthz", timeout=10)
    except httpx.HTTPError as error:
        raise Refused(
            f"no installation answers at {base}; `make up` starts one ({error})"
        ) from error
    if answer.status_code != httpx.codes.OK:
        raise Refused(f"the installation at {base} is not healthy: {answer.status_code}")


def _free_friday(slug: str) -> tuple[RestaurantSpec, Sitting]:
    """Return the next Friday without any requests."""
    with reading() as session:
        restaurant = restaurant_by_slug(session, slug)
        today = clock.now().astimezone(restaurant.tz).date()
        for ahead in range(1, restaurant.policies.window_days + 1):
            day = today + timedelta(days=ahead)
            for sitting in sittings_on(restaurant, day) if day.weekday() == FRIDAY else ():
                if not tally.parties_in(session, sitting.book_id):
                    return restaurant, sitting
    raise Refused(
        f"every Friday of the next {restaurant.policies.window_days} days already has requests"
    )


async def _play(
    guests: Sequence[DemoGuest],
    base: str,
    restaurant: RestaurantSpec,
    book: int,
    plan: DemoPlan,
    console: Console,
) -> Evening:
    evening = Evening()
    limits = httpx.Limits(max_connections=plan.at_once)
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn())
    async with httpx.AsyncClient(base_url=base, timeout=30, limits=limits) as client:
        with Progress(*columns, console=console) as progress:
            lines = asyncio.Semaphore(plan.at_once)
            players = _Players(client, evening, restaurant.slug, progress, lines)
            await players.all_ask(guests[:1], "The first guest")
            _same_database(evening, book)
            await players.all_ask(guests[1:], "All other guests")
            await _until_none(progress, "Decisions", book, lambda left: left.undecided)
            with reading() as session:
                evening.decisions = tally.decision_seconds(session, book)
            await players.some_think_again(guests)
            await _until_none(progress, "Changes and the waitlist", book, lambda it: it.undecided)
            await _until_none(progress, "Messages", book, lambda left: left.unsent)
    return evening


def _same_database(evening: Evening, book: int) -> None:
    """Raise Refused if the first guest is not in our database, before all others follow."""
    with reading() as session:
        found = tally.parties_in(session, book)
    if found != len(evening.accepted):
        raise Refused("DATABASE_URL: another installation's database; the first guest is not in it")


@dataclass(slots=True)
class _Players:
    """The simulated guests."""

    client: httpx.AsyncClient
    evening: Evening
    slug: str
    progress: Progress
    #: limits the concurrent requests
    lines: asyncio.Semaphore

    async def all_ask(self, guests: Sequence[DemoGuest], label: str) -> None:
        """Request a table for each of these guests."""
        if guests:
            task = self.progress.add_task(label, total=len(guests))
            await self._each(task, guests, self._ask)

    async def some_think_again(self, guests: Sequence[DemoGuest]) -> None:
        """Change or cancel the reservations of some guests."""
        again = [
            guest
            for guest in guests
            if guest.key in self.evening.accepted and (guest.change or guest.cancels)
        ]
        task = self.progress.add_task("Changes and cancellations", total=len(again))
        await self._each(task, again, self._think_again)

    async def _each(
        self,
        task: TaskID,
        guests: Sequence[DemoGuest],
        act: Callable[[DemoGuest], Awaitable[None]],
    ) -> None:
        async def one(guest: DemoGuest) -> None:
            async with self.lines:
                await act(guest)
            self.progress.advance(task)

        await asyncio.gather(*(one(guest) for guest in guests))

    async def _ask(self, guest: DemoGuest) -> None:
        headers = {"Idempotency-Key": f"demo-{guest.key}-{uuid.uuid4()}"}
        path = f"/api/v1/restaurants/{self.slug}/reservations"
        answer = await self._send("POST", path, json=guest.body, headers=headers)
        if answer.status_code == httpx.codes.ACCEPTED:
            self.evening.accepted[guest.key] = answer.json()
            self.evening.seconds.append(answer.elapsed.total_seconds())
        else:
            self.evening.refused.append(f"{answer.status_code}: {answer.text[:300]}")

    async def _think_again(self, guest: DemoGuest) -> None:
        """Send a change or cancellation. A refusal (409, if already declined) is a valid answer."""
        facts = self.evening.accepted[guest.key]
        headers, path = (
            {"Manage-Token": facts["manage_token"]},
            f"/api/v1/reservations/{facts['id']}",
        )
        if guest.change:
            await self._send("PATCH", path, json=guest.change, headers=headers)
        else:
            await self._send("POST", f"{path}/cancel", json={}, headers=headers)

    async def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        for attempt in range(1, TRIES):
            try:
                answer = await self.client.request(method, path, **options)
            except httpx.TransportError:
                await asyncio.sleep(0.2 * attempt)
                continue
            if answer.status_code not in BUSY or "Retry-After" not in answer.headers:
                return answer
            await asyncio.sleep(0.2 * attempt)
        return await self.client.request(method, path, **options)


async def _until_none(
    progress: Progress, what: str, book: int, count: Callable[[tally.OpenWork], int]
) -> None:
    """Wait until the count is 0, for two minutes at most."""
    ends, most, task = monotonic() + PATIENCE_SECONDS, 0, progress.add_task(what, total=None)
    while monotonic() < ends:
        with reading() as session:
            left = count(tally.waiting(session, book, now=clock.now()))
        most = max(most, left)
        progress.update(task, total=most or 1, completed=most - left if most else 1)
        if not left:
            return
        await asyncio.sleep(0.1)


def _report(console: Console, evening: Evening, book: int) -> bool:
    with reading() as session:
        found = tally.outcomes(session, book)
        changes, messages = tally.wishes(session, book), tally.message_counts(session, book)
        left = tally.waiting(session, book, now=clock.now())
    report.show_outcomes(console, found)
    if changes:
        words = ", ".join(f"{count} {status}" for status, count in sorted(changes.items()))
        console.print(f"Change requests: {words}")
    report.show_times(
        console,
        {
            "request to answer (202)": sorted(evening.seconds),
            "request to decision": evening.decisions,
        },
    )
    report.show_messages(console, messages)
    for line in evening.refused[:5]:
        console.print(f"refused: {line}")
    if left.undecided or left.unsent:
        console.print(
            f"after {PATIENCE_SECONDS} s: {left.undecided} undecided, {left.unsent} not notified"
        )
    console.print()
    in_order = show_check(grace_seconds=30)
    return in_order and not (evening.refused or left.undecided or left.unsent)
