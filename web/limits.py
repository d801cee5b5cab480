"""Who may do how much in how long: by address, guest's contact, account; beyond it, 429.

The rates are settings. Counting is models/core/tallies.py: one round trip to Redis a request, and
each web process by itself while Redis is gone. Nothing is written that names an address or a guest.
"""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

import orjson
from apiflask import APIFlask
from flask import request

from models.core.settings import settings
from models.core.tallies import Tally, count, forget, nameless, rate
from web.problems import TooManyRequests, TooManySignIns

#: never counted: whoever watches over the house, and files that cost nothing
UNCOUNTED: Final = frozenset(
    {"operations.healthz", "operations.readyz", "operations.get_metrics", "static"}
)
#: where a table is asked for; the limits by guest are counted there
ASKING: Final = frozenset({"reservations.ask_for_table", "booking.ask"})
#: endpoints with a stricter limit of their own: (kind, the setting)
STRICTER: Final = {
    "auth.sign_in": ("sign-in", "limit_sign_in"),
    "auth.change_password": ("sign-in", "limit_sign_in"),
    "auth.choose_password": ("sign-in", "limit_sign_in"),
    "second_factor.begin": ("sign-in", "limit_sign_in"),
    "second_factor.confirm": ("sign-in", "limit_sign_in"),
    "second_factor.remove": ("sign-in", "limit_sign_in"),
    "auth.refresh": ("refresh", "limit_refresh"),
    "guests.find": ("guests", "limit_guests"),
    "guests.export": ("guests", "limit_guests"),
    "guests.erase": ("guests", "limit_guests"),
}
_MANAGE: Final = "manage"
_PHONE_DIGITS: Final = 9
_CONTACT_MAX: Final = 320


def register_limits(app: APIFlask) -> None:
    """Count every request of `app` before it is looked at, where the settings say so."""
    if settings().rate_limits == "on":
        app.before_request(count_request)


def count_request() -> None:
    """Count this request by its address, and by what it is. Raises TooManyRequests."""
    endpoint = request.endpoint or ""
    who = _who(request.remote_addr or "")
    if who is None or endpoint in UNCOUNTED:
        return
    chosen = settings()
    tallies = [Tally(rate(chosen.limit_address), "address", who)]
    if endpoint in ASKING:
        tallies.append(Tally(rate(chosen.limit_request), "request", who))
        tallies += [
            Tally(rate(chosen.limit_contact), "contact", nameless(each)) for each in _contacts()
        ]
    elif endpoint in STRICTER:
        kind, setting = STRICTER[endpoint]
        tallies.append(Tally(rate(getattr(chosen, setting)), kind, who))
    elif request.blueprint == _MANAGE or "Manage-Token" in request.headers:
        tallies.append(Tally(rate(chosen.limit_manage), _MANAGE, who))
    _refuse_beyond(tallies)


def count_account(account_id: int) -> None:
    """Count a call of this member of staff. Raises TooManyRequests."""
    if settings().rate_limits == "off" or _who(request.remote_addr or "") is None:
        return
    _refuse_beyond([Tally(rate(settings().limit_account), "account", str(account_id))])


def check_sign_in(email: str, address: str) -> None:
    """Raise TooManySignIns after too many wrong passwords. Counted from every network."""
    wait = count([_failures(email, address)], by=0)
    if wait:
        raise TooManySignIns(wait)


def note_failure(email: str, address: str) -> None:
    """Count a wrong password."""
    count([_failures(email, address)])


def forget_failures(email: str, address: str) -> None:
    """A right password clears the count."""
    forget(_failures(email, address))


def _refuse_beyond(tallies: list[Tally]) -> None:
    wait = count(tallies)
    if wait:
        raise TooManyRequests(wait)


def _failures(email: str, address: str) -> Tally:
    name = nameless(f"{email.strip().lower()}\n{address}")
    return Tally(rate(settings().limit_failures), "failures", name)


@lru_cache(maxsize=8192)
def _who(address: str) -> str | None:
    """The name of an address (of an IPv6 network of 64 bits); None for an exempt one."""
    try:
        found = ip_address(address)
    except ValueError:
        return nameless(f"address {address[:100]}")
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    exempt = filter(None, map(str.strip, settings().limit_exempt.split(",")))
    if any(found in ip_network(each) for each in exempt):
        return None
    if isinstance(found, IPv6Address):
        return nameless(f"address {ip_network((int(found) >> 64 << 64, 64))}")
    return nameless(f"address {found}")


def _contacts() -> list[str]:
    """The e-mail address and the phone number that the request is for, before it is checked."""
    guest = _guest()
    found = [guest.get("email"), _digits(guest.get("phone"))]
    return [text[:_CONTACT_MAX] for text in found if isinstance(text, str) and text.strip()]


def _guest() -> Any:
    if request.endpoint == "booking.ask":
        return request.form
    try:
        body = orjson.loads(request.get_data(cache=True))
    except ValueError:
        return {}
    guest = body.get("guest") if isinstance(body, dict) else None
    return guest if isinstance(guest, dict) else {}


def _digits(phone: object) -> str | None:
    """The end of a number is the same with and without its country's code."""
    if not isinstance(phone, str):
        return None
    digits = "".join(letter for letter in phone[:_CONTACT_MAX] if letter.isdecimal())
    return f"phone {digits[-_PHONE_DIGITS:]}" if digits else None
