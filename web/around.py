"""What happens around every request: its id, its log context, its headers, its count."""

import random
import re
from typing import Final

from apiflask import APIFlask
from flask import Response, g, request

from models.core import log
from web import metrics
from web.json_body import MAX_BODY

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")

#: On every answer; pages set a Content-Security-Policy of their own.
SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
#: On what a browser shows as a page.
PAGE_HEADERS: Final = {
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def register_around(app: APIFlask) -> None:
    """Hook into `app` before and after every request."""
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.before_request(begin)
    app.after_request(end)
    app.teardown_request(forget)


def begin() -> None:
    """Take the caller's X-Request-ID, or make one; log lines carry it."""
    given = request.headers.get("X-Request-ID", "")
    # an id to find log lines by, no secret: a read of the kernel's random bytes is dear
    made = f"{random.getrandbits(128):032x}"  # nosec B311 - a name in the logs, no secret
    g.request_id = given if _REQUEST_ID.match(given) else made
    g.begun = metrics.clock()
    log.unbind()
    log.bind(request_id=g.request_id)


def end(answer: Response) -> Response:
    """Give the id back, set the headers that every answer has, count the request."""
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
    return answer


def forget(_error: BaseException | None) -> None:
    """The next request of this thread starts with an empty log context."""
    log.unbind()
