"""The guests of the demo's evening: arrival time, party size, later changes."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import Sitting, local

#: Relative frequency of each party size, from 1 to 10.
SIZES: Final = {1: 4, 2: 34, 3: 14, 4: 20, 5: 8, 6: 8, 7: 4, 8: 4, 9: 2, 10: 2}
LOCALES: Final = ("en", "en", "de", "de", "fr", "es", "it")
NAMES: Final = ("Ada", "Ben", "Chloé", "Dario", "Elif", "Femi", "Greta", "Hugo", "Inés", "Jun")
FAMILIES: Final = ("Abel", "Brandt", "Costa", "Dubois", "Evans", "Ferri", "García", "Haas")
#: Shares of the parties that change something, and that cancel, after the decision.
CHANGE, CANCEL = 0.15, 0.12


@dataclass(frozen=True, slots=True)
class DemoGuest:
    """One guest: the request body for the API, and the guest's later action."""

    key: str
    body: dict[str, Any]
    change: dict[str, Any] | None
    cancels: bool


def invite(
    restaurant: RestaurantSpec, sitting: Sitting, *, count: int, seed: int
) -> list[DemoGuest]:
    """Return the guests of a sitting. The same seed and date give the same guests."""
    day = sitting.service_date
    chance = random.Random(f"{seed}:{day}")  # nosec B311 - made-up guests
    return [
        _guest(chance, restaurant, sitting, name=f"{day}-{seed}-{number}", number=number, day=day)
        for number in range(count)
    ]


def _guest(
    chance: random.Random,
    restaurant: RestaurantSpec,
    sitting: Sitting,
    *,
    name: str,
    number: int,
    day: date,
) -> DemoGuest:
    size = chance.choices(list(SIZES), list(SIZES.values()))[0]
    start = _start(chance, sitting)
    body = {
        "party_size": size,
        "start": local(restaurant, start).isoformat(timespec="seconds"),
        "guest": dict(_who(chance, number, day)),
        "waitlist": chance.random() < 0.8,
    }
    if chance.random() < 0.4:
        body["area"] = chance.choice(restaurant.areas).key
    change = None
    if chance.random() < CHANGE:
        later = sitting.starts[min(sitting.starts.index(start) + 2, len(sitting.starts) - 1)]
        moved = {"start": local(restaurant, later).isoformat(timespec="seconds")}
        change = {"party_size": size % 8 + 1} if chance.random() < 0.5 or later == start else moved
    return DemoGuest(name, body, change, cancels=change is None and chance.random() < CANCEL)


def _start(chance: random.Random, sitting: Sitting) -> int:
    """Choose a start; most are in the middle of the evening."""
    last = len(sitting.starts) - 1
    return sitting.starts[round(chance.triangular(0, last, last * 0.45))]


def _who(chance: random.Random, number: int, day: date) -> Iterator[tuple[str, str]]:
    """Yield a name, a language, and an e-mail address, a phone number or both."""
    yield "name", f"{chance.choice(NAMES)} {chance.choice(FAMILIES)}"
    yield "locale", chance.choice(LOCALES)
    reached = chance.random()
    if reached < 0.75:
        yield "email", f"guest{number}.{day:%Y%m%d}@example.com"
    if reached > 0.45:
        # Berlin numbers that are assigned to nobody; a limit applies to SMS to other countries
        yield "phone", f"+493023125{number % 1000:03}"
