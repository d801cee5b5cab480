"""Rate limits by address, device, contact and account. Beyond a limit the answer is 429.

The rates are settings. Counters are in models/core/redis/counters.py: one round trip to Redis
per request; without Redis each web process counts on its own. No address or guest is stored in
readable form.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

import orjson
from apiflask import APIFlask
from flask import Response, g, request

from models.core.contacts import rate_limit_key
from models.core.errors import Invalid, RevisionConflict, SignInFailed, StateConflict
from models.core.redis.counters import Tally, count, forget, nameless, rate
from models.core.settings import settings
from web.http.browser_session import cookie_name, has_session
from web.http.callers import caller_key, network_of
from web.http.devices import device_of
from web.http.problems import TooManyChanges, TooManyRequests, TooManySignIns
from web.http.tokens import access_account, read_refresh
from web.schemas.fields import parse_start

#: never counted: the liveness check, and static files, which cost nothing
UNCOUNTED: Final = frozenset({"operations.healthz", "static"})
WATCHING: Final = frozenset({"operations.readyz", "operations.get_metrics"})
#: endpoints that request a table; the limits by guest are counted there
ASKING: Final = frozenset(
    {"reservations.ask_for_table", "booking.ask", "door.join_by_link", "door_page.join_list"}
)
FORMS: Final = frozenset({"booking.ask", "manage.edit", "door_page.join_list"})
#: endpoints where a guest may name another contact, which is counted like that of a request
EDITING: Final = frozenset({"reservations.change", "manage.edit"})
SIGN_IN: Final = "auth.sign_in"
#: the same in a browser: a form, whose device's token is in a cookie
SIGN_IN_FORM: Final = "stand_sign_in.sign_in"
DEVICE: Final = "device"
REFRESH: Final = "auth.refresh"
#: endpoints with a stricter limit of their own: (kind, the setting)
STRICTER: Final = {
    SIGN_IN: ("sign-in", "limit_sign_in"),
    SIGN_IN_FORM: ("sign-in", "limit_sign_in"),
    "auth.change_password": ("sign-in", "limit_sign_in"),
    "auth.choose_password": ("sign-in", "limit_sign_in"),
    "second_factor.begin": ("sign-in", "limit_sign_in"),
    "second_factor.confirm": ("sign-in", "limit_sign_in"),
    "second_factor.remove": ("sign-in", "limit_sign_in"),
    "guests.find": ("guests", "limit_guests"),
    "guests.export": ("guests", "limit_guests"),
    "guests.erase": ("guests", "limit_guests"),
}
_MANAGE: Final = "manage"
_GUEST_PAGES: Final = frozenset({_MANAGE, "place"})
#: headers that a proxy adds
_FROM_OUTSIDE: Final = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded")
_CONTACT_MAX: Final = 320


def register_limits(app: APIFlask) -> None:
    """Count every request of `app` before it is handled, if RATE_LIMITS is on."""
    if settings().rate_limits == "on":
        app.before_request(count_request)
        app.after_request(_give_contacts_back)


def count_request() -> None:
    """Count this request by sender and by endpoint. Raises TooManyRequests.

    The sender is the account or device that the request's signature identifies, else the address:
    so others on the same address cannot use up the staff's limit.
    """
    endpoint = request.endpoint or ""
    caller = caller_key(request.remote_addr or "")
    if caller is None or endpoint in UNCOUNTED or (endpoint in WATCHING and not is_from_outside()):
        return
    chosen, known = settings(), _known(endpoint)
    tallies = [
        Tally(rate(chosen.limit_account), "known", known)
        if known
        else Tally(rate(chosen.limit_address), "address", caller)
    ]
    if endpoint in ASKING:
        asked = (chosen.limit_request, chosen.limit_request_hour)
        tallies += [Tally(rate(each), "request", caller) for each in asked]
        if evening := _evening():
            tallies.append(Tally(rate(chosen.limit_evening), "occasion", f"{caller}:{evening}"))
        tallies += _count_contacts()
    elif endpoint in STRICTER:
        kind, setting = STRICTER[endpoint]
        tallies.append(Tally(rate(getattr(chosen, setting)), kind, known or caller))
    elif endpoint == REFRESH and known:  # a forged token is cheap to refuse: not counted
        tallies.append(Tally(rate(chosen.limit_refresh), "refresh", known))
    elif request.blueprint in _GUEST_PAGES or "Manage-Token" in request.headers:
        tallies.append(Tally(rate(chosen.limit_manage), _MANAGE, caller))
        if endpoint in EDITING:
            tallies += _count_contacts()
    _refuse_beyond(tallies)


@contextmanager
def counted_change(reservation_id: int, *, by_staff: bool = False) -> Iterator[None]:
    """Count a guest's change of this reservation, from any address. Raises TooManyChanges.

    Staff are exempt. The change is counted before it is made, so that concurrent ones cannot exceed
    the limit. A refused change sends no message and is not counted: a mistyped address can be
    corrected.
    """
    chosen = settings()
    if by_staff or chosen.rate_limits == "off":
        yield
        return
    rates = (chosen.limit_changes, chosen.limit_changes_day)
    tallies = [Tally(rate(each), "changes", str(reservation_id)) for each in rates]
    wait = count(tallies)
    if wait:
        raise TooManyChanges(wait)
    try:
        yield
    except (Invalid, StateConflict, RevisionConflict):
        count(tallies, by=-1)
        raise


def count_account(account_id: int) -> None:
    """Count a call by this staff account. Raises TooManyRequests."""
    if settings().rate_limits == "off" or caller_key(request.remote_addr or "") is None:
        return
    _refuse_beyond([Tally(rate(settings().limit_account), "account", str(account_id))])


def place_of(email: str = "", device: str | None = None) -> str:
    """Return the source of guesses at this account: a device known to it, or a network."""
    known = device_of(email, device)
    return f"device {known}" if known else network_of(request.remote_addr or "")


def take_guess(account: str, place: str) -> None:
    """Count a guess before it is checked, so that concurrent ones cannot exceed the limit.

    Exempt networks are counted too, and also when RATE_LIMITS is off. Raises TooManySignIns. Call
    `give_back` if the guess was right or was never checked.
    """
    wait = count([_guesses(account, place)])
    if wait:
        raise TooManySignIns(wait)


def give_back(account: str, place: str) -> None:
    """Uncount one guess that was not a failure."""
    count([_guesses(account, place)], by=-1)


def forget_guesses(account: str, place: str) -> None:
    """Reset the failures after a successful sign-in."""
    forget(_guesses(account, place))


def is_from_outside() -> bool:
    """Return whether the request came through a proxy. Monitoring connects directly."""
    return any(name in request.headers for name in _FROM_OUTSIDE)


def _count_contacts() -> list[Tally]:
    """Return a tally for each contact in the request. They are given back if it is refused."""
    limit = rate(settings().limit_contact)
    tallies = [Tally(limit, "contact", nameless(each)) for each in _contacts()]
    g.contacts = tallies
    return tallies


def _give_contacts_back(response: Response) -> Response:
    """Uncount a refused request's contacts: it sent no message, so it costs their owner nothing."""
    if response.status_code >= HTTPStatus.BAD_REQUEST and (tallies := g.pop("contacts", None)):
        count(tallies, by=-1)
    return response


def _refuse_beyond(tallies: list[Tally]) -> None:
    wait = count(tallies)
    if wait:
        raise TooManyRequests(wait)


def _guesses(account: str, place: str) -> Tally:
    name = nameless(f"{account.strip().lower()}\n{place}")
    return Tally(rate(settings().limit_failures), "failures", name)


def _known(endpoint: str) -> str | None:
    """Return the account, sign-in or device of the request, by its signature alone."""
    try:
        if endpoint == REFRESH:
            return f"sign-in {read_refresh(str(_body().get('refresh_token')))[0]}"
        if endpoint == SIGN_IN:
            body = _body()
            found = device_of(str(body.get("email")), body.get("device_token"))
            return f"device {found}" if found else None
        if endpoint == SIGN_IN_FORM:
            found = device_of(
                request.form.get("email", ""), request.cookies.get(cookie_name(DEVICE))
            )
            return f"device {found}" if found else None
        is_known = has_session() or "Authorization" in request.headers
        return f"account {access_account()}" if is_known else None
    except SignInFailed:
        return None


def _contacts() -> list[str]:
    """Return the guest's e-mail and phone, normalised, before the request is validated."""
    guest = _guest()
    given = [guest.get("email"), guest.get("phone")]
    texts = [text[:_CONTACT_MAX] for text in given if isinstance(text, str)]
    return list(filter(None, map(rate_limit_key, texts)))


def _evening() -> str | None:
    """Return the restaurant and UTC day of the requested start, whatever its offset."""
    start = _body().get("start")
    try:
        day = int(parse_start(start).timestamp()) // 86_400
    except ValueError:
        return None
    return f"{(request.view_args or {}).get('slug', '')}:{day}"


def _guest() -> Any:
    body = _body()
    guest = body if request.endpoint in FORMS else body.get("guest")
    return guest if isinstance(guest, dict) else {}


def _body() -> dict[str, Any]:
    """Return the unvalidated body; empty if it is not a JSON object."""
    if request.endpoint in FORMS:
        return request.form.to_dict()
    try:
        body = orjson.loads(request.get_data(cache=True))
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
