"""Send `Connection: close` when the request's body was not read.

The server closes the connection then, and does not always announce it: a client that reuses
connections would send its next request into a closed one and get no answer. A client that is
refused before its body is read (no room, a limit, an unknown URL) opens a new connection
instead.
"""

from typing import Final

from apiflask import APIFlask
from flask import Response, request

#: Attributes that Werkzeug sets on a request once its body was read.
_READ: Final = frozenset({"_cached_data", "form"})


def register_unread(app: APIFlask) -> None:
    """Check each response of `app`."""
    app.after_request(_announce)


def _announce(response: Response) -> Response:
    has_body = bool(request.content_length) or "Transfer-Encoding" in request.headers
    if has_body and _READ.isdisjoint(request.__dict__):
        response.headers["Connection"] = "close"
    return response
