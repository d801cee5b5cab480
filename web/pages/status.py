"""/status: whether requests are accepted, for everybody; /status/operators: all details."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from apiflask import APIBlueprint
from flask import Response, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models.core import clock
from models.core.database.transactions import reading
from models.core.errors import NotFound
from models.core.observe.version import release_name
from models.core.redis import signals
from models.core.settings import settings
from models.entities.running import HealthChange
from models.queries.running.flags import switches
from models.queries.running.health import health_history, last_health, read_health
from models.rules.flags import ALL
from models.rules.health import DELAYS_GUESTS
from web.http.access import public
from web.http.json_body import json_response
from web.http.rate_limits import forget_guesses, give_back, place_of, take_guess
from web.pages.page import register_trouble, render

blueprint = APIBlueprint("status", __name__, enable_openapi=False)
register_trouble(blueprint)

_TEXTS: Final = {
    "open": "We take requests, and answer at once.",
    "slow": "We take requests. Answers and messages may take longer than usual.",
    "closed": "We cannot take requests at this moment. Please try again in a few minutes.",
}
#: The public page may be cached for five seconds.
_FRESH: Final = "public, max-age=5"
_SHOWN: Final = 50
#: The name under which failed attempts at the operators' page are counted, per address.
_SIGN_IN: Final = "operator"


@blueprint.get("/status")
@public
def status() -> Response:
    """Show whether requests are accepted, in plain words, or as JSON. 503 when they are not."""
    found = _status()
    code = 503 if found == "closed" else 200
    kinds = ["text/html", "application/json"]
    if request.accept_mimetypes.best_match(kinds, default=kinds[0]) == "application/json":
        answer = json_response({"status": found, "says": _TEXTS[found]}, code)
    else:
        answer = render("status.html", status=code, found=found, text=_TEXTS[found])
    answer.headers["Cache-Control"] = _FRESH
    answer.vary.add("Accept")
    return answer


def _status() -> str:
    try:
        with reading() as session:
            health = last_health(session, now=clock.now())
    except (DBAPIError, PoolTimeout):
        return "closed"
    late = set(health["late"]) if health else set()
    return "slow" if late & DELAYS_GUESTS or not signals.is_up() else "open"


@dataclass(frozen=True, slots=True)
class HealthSpan:
    """The health of this installation from `since` until `until` (None: until now)."""

    since: str
    until: str | None
    late: tuple[str, ...]


@blueprint.get("/status/operators")
@public
def operators() -> Response:
    """Show all health details to holders of FLOWER_PASSWORD; 404 if none is set."""
    refused = _refused()
    if refused is not None:
        return refused
    facts: dict[str, Any] = {"health": None, "redis": signals.is_up(), "release": release_name()}
    try:
        with reading() as session:
            facts |= {
                "health": read_health(session, now=clock.now()),
                "flags": [row for row in switches(session) if row.is_killed or row.percent < ALL],
                "spans": _spans(list(health_history(session, limit=_SHOWN))),
            }
    except (DBAPIError, PoolTimeout):
        pass
    facts |= {"at": _text(clock.now()), "limits": _limits()}
    return render(
        "operators.html", private=True, renews=True, flower=settings().flower_url, **facts
    )


def _limits() -> dict[str, str]:
    """Return the rate limits in force by setting name. Empty when limits are off."""
    chosen = settings()
    if chosen.rate_limits == "off":
        return {}
    names = [name for name in type(chosen).model_fields if name.startswith("limit_")]
    return {name.upper(): str(getattr(chosen, name)) or "none" for name in names}


def _refused() -> Response | None:
    """Return a 401 page unless the right password was sent. Raises NotFound, TooManySignIns."""
    chosen = settings()
    if not chosen.flower_password:
        raise NotFound("there is no such page")
    place, given = place_of(), request.authorization
    take_guess(_SIGN_IN, place)
    if given is not None and given.type == "basic":
        is_named = _same(given.username, chosen.flower_user)
        if _same(given.password, chosen.flower_password) and is_named:
            forget_guesses(_SIGN_IN, place)
            return None
    else:
        give_back(_SIGN_IN, place)  # no guess: the browser has not prompted yet
    page = render(
        "trouble.html", status=401, private=True, title="For operators",
        message="Use the user name and password of Flower.",
    )  # fmt: skip
    page.headers["WWW-Authenticate"] = 'Basic realm="Maitred, for operators", charset="UTF-8"'
    return page


def _same(given: str | None, wanted: str) -> bool:
    return hmac.compare_digest((given or "").encode(), wanted.encode())


def _spans(rows: list[HealthChange]) -> list[HealthSpan]:
    """Return the rows, newest first, each with its end."""
    begins = [_text(row.at) for row in rows]
    ends = [None, *begins]
    return [
        HealthSpan(since, until, tuple(row.late))
        for row, since, until in zip(rows, begins, ends, strict=False)
    ]


def _text(moment: datetime) -> str:
    """Format in UTC; the page states the zone."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")
