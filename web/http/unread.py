"""An answer to a request whose body was not read says that it ends the connection.

The server ends it then, and does not always announce that: a client that keeps its connections
would send the next request into a closed one, and hear nothing. Whoever is refused before its body
is read (no room, a limit, an unknown address) comes anew instead.
"""

from typing import Final

from apiflask import APIFlask
from flask import Response, request

#: What Werkzeug keeps in a request once its body was read.
_READ: Final = frozenset({"_cached_data", "form"})


def register_unread(app: APIFlask) -> None:
    """Look at each answer of `app`."""
    app.after_request(_announce)


def _announce(response: Response) -> Response:
    has_body = bool(request.content_length) or "Transfer-Encoding" in request.headers
    if has_body and _READ.isdisjoint(request.__dict__):
        response.headers["Connection"] = "close"
    return response
