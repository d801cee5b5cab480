"""Endpoints for operators: liveness, readiness, metrics."""

import hmac
from collections.abc import Callable
from functools import wraps

from apiflask import APIBlueprint
from flask import Response, request

from models.core.errors import NotFound
from models.core.settings import settings
from tasks.readiness import NOT_READY, readiness
from web.http.access import public
from web.http.json_body import json_response
from web.http.rate_limits import is_from_outside
from web.metrics import requests as metrics

blueprint = APIBlueprint("operations", __name__, enable_openapi=False)


@blueprint.get("/healthz")
@public
def healthz() -> Response:
    """Report that the process is alive. No dependency is checked."""
    return json_response({"status": "alive"})


def monitoring_only(view: Callable[[], Response]) -> Callable[[], Response]:
    """Answer 404 to requests that came through a proxy, however the path was written.

    With METRICS_TOKEN set, a request with that bearer token is allowed from anywhere.
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
@monitoring_only
def readyz() -> Response:
    """Report whether requests can be served: 503 when the database is down or not migrated.

    A newer schema is served: a later release only adds to it. Without Redis the status is degraded,
    not down: requests are accepted, and the sweep finds them.
    """
    found = readiness()
    return json_response(
        found, 503 if found["status"] == NOT_READY else 200, Cache_Control="no-store"
    )


@blueprint.get("/metrics")
@public
@monitoring_only
def get_metrics() -> Response:
    """Return the metrics for Prometheus, at most one second old."""
    return Response(metrics.exposition(), content_type=metrics.CONTENT_TYPE)
