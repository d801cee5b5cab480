"""Feature flags: what can be switched without a release, and for whom a switch is on."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

#: The switch of the whole house; a restaurant's own has its id.
EVERYWHERE: Final = 0
ALL: Final = 100


class Flag(StrEnum):
    """One thing that can be switched. Without a switch of anybody's it is on."""

    WAITLIST_OFFERS = "waitlist-offers"
    SMS = "sms"
    EMAIL = "email"
    RE_SEATING = "re-seating"
    EXACT_SEATING = "exact-seating"


#: What a flag does while it is off.
WHILE_OFF: Final[dict[Flag, str]] = {
    Flag.WAITLIST_OFFERS: "freed tables are not given to who waits; asked again once it is on",
    Flag.SMS: "text messages wait in the queue, and go out once it is on",
    Flag.EMAIL: "mails wait in the queue, and go out once it is on",
    Flag.RE_SEATING: "no table is free: the party is refused or waits, and nobody is moved for it",
    Flag.EXACT_SEATING: "re-seating tries short chains of moves only",
}


@dataclass(frozen=True, slots=True)
class Switch:
    """How one flag is set, for the house or for one restaurant.

    `percent` of the keys have it on. A killed switch is off for everybody below it, whatever the
    percentages say: the house's for all restaurants.
    """

    percent: int
    is_killed: bool = False


def is_on(flag: Flag, switches: Mapping[int, Switch], *, restaurant_id: int, key: str) -> bool:
    """Whether `flag` is on for this key at this restaurant.

    `switches` are those of the flag, by restaurant id or EVERYWHERE. A restaurant's own percentage
    goes before the house's. The same key keeps its answer while the percentage grows.
    """
    restaurant, own = switches.get(EVERYWHERE), switches.get(restaurant_id)
    if any(switch is not None and switch.is_killed for switch in (restaurant, own)):
        return False
    chosen = own or restaurant
    return chosen is None or bucket(flag, key) < chosen.percent


def bucket(flag: Flag, key: str) -> float:
    """Where a key falls between 0 and 100. Another flag deals the keys anew."""
    digest = hashlib.blake2b(f"{flag}\n{key}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") * ALL / 2**32
