"""Limits on messages per contact and on SMS countries, checked just before a message is sent.

A message over a limit is skipped with its reason and counted; the reservation is not affected. All
spellings of a contact are counted under one name, across all restaurants: in Redis, or in this
process alone while Redis is unreachable. One round trip per message, none for a further attempt.
"""

import logging
from collections import OrderedDict
from functools import lru_cache
from typing import Final

from models.core.contacts import rate_limit_key
from models.core.phones import country_of, restaurant_country
from models.core.redis.counters import Tally, count, nameless, rate
from models.core.settings import settings
from models.queries.messages.outgoing import Outgoing

log = logging.getLogger(__name__)

#: Reasons for skipping a message; `maitred_messages_total` counts both as `limited`.
LIMITED: Final = "limited"
COUNTRY: Final = "country"
REASONS: Final = frozenset({LIMITED, COUNTRY})

_MAX_REMEMBERED: Final = 20_000


def over(message: Outgoing) -> str:
    """Return why this message may not be sent, LIMITED or COUNTRY, else "". Counts the message."""
    contact = message.guest_email if message.channel == "email" else message.guest_phone
    if not contact:
        return ""
    tallies = [] if settings().rate_limits == "off" else _by_contact(message, contact)
    if message.channel == "sms":
        restaurant, country = message.restaurant, country_of(contact)
        own, allowed = (
            restaurant_country(restaurant.phone, restaurant.zone),
            restaurant.sms_countries,
        )
        if allowed and country not in allowed:
            return COUNTRY
        if country != own and settings().rate_limits == "on":
            tallies.append(
                Tally(rate(settings().limit_sms_abroad), "sms-abroad", str(restaurant.id))
            )
    if not tallies or message.attempts > 1 or message.id in _counted():
        return ""
    _remember(message.id)
    if count(tallies):
        log.warning("contact over message limit", extra={"kind": message.kind})
        return LIMITED
    return ""


def _by_contact(message: Outgoing, contact: str) -> list[Tally]:
    chosen = settings()
    rates = (chosen.limit_told, chosen.limit_told_day)
    if not message.is_proved:
        rates = (chosen.limit_stranger, chosen.limit_stranger_day)
    name = nameless(rate_limit_key(contact))
    return [Tally(rate(each), "told", name) for each in rates]


@lru_cache(maxsize=1)
def _counted() -> OrderedDict[int, None]:
    """Return the ids of the messages that this process has counted, so that each counts once."""
    return OrderedDict()


def _remember(message_id: int) -> None:
    known = _counted()
    known[message_id] = None
    while len(known) > _MAX_REMEMBERED:
        known.popitem(last=False)
