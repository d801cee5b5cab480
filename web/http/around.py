"""Hooks around every request: request id, log context, headers, metrics, trace span."""

import logging
import random
import re
from typing import Final

from apiflask import APIFlask
from flask import Response, g, request

from models.core import clock
from models.core.observe import logs, trace_ids, traces
from models.operations.reservations.booking import Accepted
from web.http.json_body import MAX_BODY
from web.metrics import requests as metrics

_log = logging.getLogger(__name__)

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")

#: Methods that change nothing.
READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: Polled by monitoring, so they get no span.
_MONITORING: Final = frozenset({"/healthz", "/readyz", "/metrics"})

#: On every response; pages set a Content-Security-Policy of their own.
SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
#: On HTML responses.
PAGE_HEADERS: Final = {
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def register_around(app: APIFlask) -> None:
    """Register the hooks on `app`."""
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.before_request(begin)
    app.after_request(end)
    app.teardown_request(forget)


def begin() -> None:
    """Use the caller's X-Request-ID if it is well-formed, else make one. Log lines carry it."""
    given = request.headers.get("X-Request-ID", "")
    # not a secret, so no read of the kernel's random bytes, which is expensive
    made = f"{random.getrandbits(128):032x}"  # nosec B311 - a name in the logs, no secret
    g.request_id = given if _REQUEST_ID.match(given) else made
    g.begun = metrics.clock()
    logs.unbind()
    logs.bind(request_id=g.request_id)
    if traces.is_on():
        g.began = clock.nanoseconds()
        traces.begin()
    if request.view_args and "reservation_id" in request.view_args:
        about(request.view_args["reservation_id"])


def about(reservation_id: int) -> None:
    """Put the rest of this request under the trace id of that reservation."""
    g.trace_id = trace_ids.bind_reservation(reservation_id)


def about_new(accepted: Accepted) -> None:
    """Do the same for a new reservation. Its trace starts here unless this is a replay."""
    about(accepted.reservation_id)
    g.is_first = not accepted.replayed


def end(answer: Response) -> Response:
    """Set X-Request-ID and the common headers, count the request, end its span."""
    headers = answer.headers
    headers["X-Request-ID"] = g.get("request_id", "")
    for name, value in SECURITY_HEADERS.items():
        if name not in headers:
            headers[name] = value
    if answer.mimetype == "text/html":
        for name, value in PAGE_HEADERS.items():
            headers.setdefault(name, value)
    route = request.url_rule.rule if request.url_rule else "(none)"
    metrics.count(request.method, route, answer.status_code, since=g.get("begun"))
    if "trace_id" in g and request.method not in READS:
        _log.info("answered", extra={"endpoint": request.endpoint, "status": answer.status_code})
    if "began" in g and route not in _MONITORING:
        _end_span(route, answer.status_code)
    return answer


def _end_span(route: str, status: int) -> None:
    # the route, never the path: a manage link's token is in there
    method = request.method if request.method in metrics.METHODS else "other"
    # reads change nothing, and are not part of the reservation's trace
    trace_id = "" if method in READS else g.get("trace_id", "")
    traces.end(
        f"{method} {route}",
        trace_id=trace_id or traces.as_trace_id(g.request_id),
        began=g.began,
        kind="server",
        is_first=not trace_id or g.get("is_first", False),
        failed=status >= 500,
        **{
            "request_id": g.request_id,
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
        },
    )


def forget(_error: BaseException | None) -> None:
    """Clear the log context for the thread's next request."""
    logs.unbind()
