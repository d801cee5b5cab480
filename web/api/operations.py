"""For the operators: is the process alive, is the house ready, what does it count."""

import hmac
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, Final

from alembic.migration import MigrationContext
from apiflask import APIBlueprint
from flask import Response, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models import migrations
from models.core import clock, signals
from models.core.db import reading
from models.core.errors import NotFound
from models.core.settings import settings
from models.core.zones import zone_data
from models.queries.health import last_health
from web import metrics
from web.access import public
from web.json_body import json_response
from web.limits import is_from_outside

_SERVED: Final = ("current", "ahead")

blueprint = APIBlueprint("operations", __name__, enable_openapi=False)


@blueprint.get("/healthz")
@public
def healthz() -> Response:
    """The process is alive; nothing else is asked."""
    return json_response({"status": "alive"})


def for_who_watches(view: Callable[[], Response]) -> Callable[[], Response]:
    """Not for whom a proxy hands on, whatever way the path was written: to those it is not there.

    With METRICS_TOKEN who sends it as a bearer's token is let in from anywhere.
    """

    @wraps(view)
    def checked() -> Response:
        token, given = settings().metrics_token, request.authorization
        is_known = given is not None and hmac.compare_digest(
            (given.token or "").encode(), token.encode()
        )
        if is_from_outside() and not (token and is_known):
            raise NotFound("there is nothing at this address")
        return view()

    return checked


@blueprint.get("/readyz")
@public
@for_who_watches
def readyz() -> Response:
    """Whether requests can be served: 503 when the database is gone or not migrated.

    A schema that is ahead is served: a later release only adds to it.
    Without Redis the house is degraded, not closed: requests are accepted, the sweep finds them.
    """
    facts = _database_facts()
    redis = signals.is_up()
    ready = facts["database"] == "up" and facts["migrations"]["is"] in _SERVED
    well = redis and bool((facts["house"] or {}).get("well", True))
    status = ("ready" if well else "degraded") if ready else "not ready"
    body = {"status": status, **facts, "redis": "up" if redis else "gone"}
    body["zone_data"] = zone_data()
    body["at"] = clock.now().isoformat(timespec="seconds")
    return json_response(body, 200 if ready else 503, Cache_Control="no-store")


def _database_facts() -> dict[str, Any]:
    wanted = _wanted()
    facts = {"found": None, "wanted": wanted, "is": "unknown"}
    try:
        with reading() as session:
            found = MigrationContext.configure(session.connection()).get_current_revision()
            stands = _stands(found)
            house = last_health(session, now=clock.now()) if stands in _SERVED else None
    except (DBAPIError, PoolTimeout):
        return {"database": "gone", "migrations": facts, "house": None}
    facts = {"found": found, "wanted": wanted, "is": stands}
    return {"database": "up", "migrations": facts, "house": house}


@lru_cache(maxsize=4)
def _stands(found: str | None) -> str:
    """Where the schema stands, for this code: current, behind, or ahead."""
    if found == _wanted():
        return "current"
    return "behind" if found is None or migrations.knows(found) else "ahead"


@lru_cache(maxsize=1)
def _wanted() -> str:
    # reads every migration's file: once is enough
    return migrations.head()


@blueprint.get("/metrics")
@public
@for_who_watches
def get_metrics() -> Response:
    """Counts and latencies for Prometheus, as of a second ago at most."""
    return Response(metrics.exposition(), content_type=metrics.CONTENT_TYPE)
