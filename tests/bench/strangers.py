"""Abuse of other people's contacts, and of an evening: `python -m tests.bench.strangers`.

Three crowds call the real processes with the limits at their defaults. One books and changes the
reservation's contact to a stranger's, back and forth. One books an evening out from one address
with made-up contacts. One is a busy restaurant's evening: 300 guests, each from their own address.
Prints how much of each got through; exits with 1 when a stranger or an evening was not protected,
or when the busy restaurant met a limit.
"""

import sys
import time
from datetime import timedelta
from typing import Any, Final

import httpx
from sqlalchemy import create_engine, text

from models.core import clock
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import local, sittings_on
from tests.bench.ground import Ground, ground
from tests.bench.restaurants import make_restaurants

GUESTS: Final = 300
TRIES: Final = 60
STRANGER: Final = "stranger@elsewhere.example"


class Crowd:
    """Guests who send requests; their answers are counted by status."""

    def __init__(self, bench: Ground, restaurant: RestaurantSpec, starts: list[str]) -> None:
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{bench.port}", timeout=60)
        self._restaurant = restaurant
        self._starts = starts
        self._asked = 0
        self.statuses: dict[int, int] = {}

    def ask(self, email: str, address: str) -> dict[str, Any]:
        """Request a table for two and wait for the decision; return the answer."""
        self._asked += 1
        start = self._starts[self._asked % len(self._starts)]
        answer = self._client.post(
            f"/api/v1/restaurants/{self._restaurant.slug}/reservations",
            json={"party_size": 2, "start": start, "guest": {"name": "Kim", "email": email}},
            headers=_headers(address) | {"Idempotency-Key": f"{email}-{self._asked}"},
        )
        self._count(answer)
        found: dict[str, Any] = answer.json()
        return found

    def give(self, reservation: dict[str, Any], email: str, address: str) -> None:
        """Change the reservation's contact."""
        token = reservation["manage_url"].rpartition("/")[2]
        answer = self._client.patch(
            f"/api/v1/reservations/{reservation['id']}",
            json={"guest": {"email": email}},
            headers=_headers(address) | {"Manage-Token": token},
        )
        self._count(answer)

    def _count(self, answer: httpx.Response) -> None:
        self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1


def _headers(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address, "Prefer": "wait=10"}


def _starts(restaurant: RestaurantSpec) -> list[str]:
    day = clock.now().date() + timedelta(days=7)
    return [local(restaurant, each).isoformat() for each in sittings_on(restaurant, day)[0].starts]


def _bother(bench: Ground, crowd: Crowd) -> int:
    """Alternate between one's own contact and a stranger's; return the stranger's mails."""
    mine = crowd.ask("me@guests.example", "198.51.100.1")
    for number in range(TRIES):
        crowd.give(mine, STRANGER if number % 2 else f"me{number}@guests.example", "198.51.100.1")
    time.sleep(10)  # queued messages are sent
    return len(bench.mailbox.mails(STRANGER))


def _empty(crowd: Crowd) -> int:
    """Book an evening from one address; return the number of stored requests."""
    for number in range(TRIES):
        crowd.ask(f"nobody{number}@made-up.example", "198.51.100.2")
    return TRIES - crowd.statuses.get(429, 0)


def _busy(crowd: Crowd) -> int:
    """An evening's guests, each from their own address; return how many met a limit."""
    for number in range(GUESTS):
        crowd.ask(f"guest{number}@guests.example", f"203.0.{number // 250}.{number % 250 + 1}")
    return crowd.statuses.get(429, 0)


def main() -> int:
    """Run the crowds; return 1 when one of them was not handled as promised."""
    with ground() as bench:
        bench.env |= {"RATE_LIMITS": "on", "TRUSTED_PROXIES": "1"}
        bind = create_engine(bench.env["DATABASE_URL"])
        (restaurant,) = make_restaurants(bind, 1)
        bench.start_web()
        bench.start_worker("allocation", "allocation")
        bench.start_worker("messages", "messages", "maintenance")
        starts = _starts(restaurant)
        bother = Crowd(bench, restaurant, starts)
        told = _bother(bench, bother)
        written = _empty(Crowd(bench, restaurant, starts))
        refused = _busy(Crowd(bench, restaurant, starts))
        with bind.connect() as connection:
            limited = connection.scalar(text("SELECT COUNT(*) FROM messages WHERE error='limited'"))
        bind.dispose()
    print(f"changes of one reservation: {bother.statuses.get(200, 0)} of {TRIES} taken")
    print(f"a stranger's contact given {TRIES // 2} times: {told} mails, {limited} held back")
    print(f"an evening asked for {TRIES} times from one address: {written} written down")
    print(f"a busy evening: {refused} of {GUESTS} guests met a limit")
    return int(told > TRIES // 4 or written > TRIES // 4 or refused > 0)


if __name__ == "__main__":
    sys.exit(main())
