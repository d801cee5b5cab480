"""Feature flags: the features that can be switched without a release, and for whom each is on."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

#: Key of the switch for the whole installation; a restaurant's own switch is keyed by its id.
EVERYWHERE: Final = 0
ALL: Final = 100


class Flag(StrEnum):
    """A feature that can be switched off. It is on where no switch is set."""

    WAITLIST_OFFERS = "waitlist-offers"
    SMS = "sms"
    EMAIL = "email"
    RE_SEATING = "re-seating"
    EXACT_SEATING = "exact-seating"


#: Flag -> the behaviour while it is off.
WHILE_OFF: Final[dict[Flag, str]] = {
    Flag.WAITLIST_OFFERS: "freed tables are not offered to the waitlist until it is on again",
    Flag.SMS: "text messages stay queued and are sent once it is on again",
    Flag.EMAIL: "e-mails stay queued and are sent once it is on again",
    Flag.RE_SEATING: "no party is re-seated to make room: the new party is refused or waitlisted",
    Flag.EXACT_SEATING: "re-seating tries only short chains of moves",
}


@dataclass(frozen=True, slots=True)
class Switch:
    """The setting of one flag, for the whole installation or for one restaurant.

    `percent` of the keys have it on. `is_killed` turns it off whatever the percentages are; on the
    installation's switch it turns it off for every restaurant.
    """

    percent: int
    is_killed: bool = False


def is_on(flag: Flag, switches: Mapping[int, Switch], *, restaurant_id: int, key: str) -> bool:
    """Whether `flag` is on for this key at this restaurant.

    `switches` are the switches of this flag, by restaurant id or EVERYWHERE. A restaurant's own
    percentage overrides the installation's. A key that is on stays on while the percentage grows.
    """
    everywhere, own = switches.get(EVERYWHERE), switches.get(restaurant_id)
    if any(switch is not None and switch.is_killed for switch in (everywhere, own)):
        return False
    chosen = own or everywhere
    return chosen is None or bucket(flag, key) < chosen.percent


def bucket(flag: Flag, key: str) -> float:
    """Position of a key, from 0 up to but not including 100. It differs from flag to flag."""
    digest = hashlib.blake2b(f"{flag}\n{key}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") * ALL / 2**32
