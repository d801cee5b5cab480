"""Rendering, headers and error pages that all pages share."""

import logging
from typing import Any, Final

from apiflask import APIBlueprint
from flask import Response, render_template
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models.core.errors import Invalid, MaitredError
from web.http.errors import invalid_from, is_unavailable
from web.http.problems import ProblemKind, Unavailable, kind_of

log = logging.getLogger(__name__)

#: Allows only our own style sheet, images and forms; no scripts.
POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
#: Also allows the script that renews a page which waits for an answer.
_RENEWS: Final = "; script-src 'self'; connect-src 'self'"


def render(
    template: str, *, status: int = 200, private: bool = False, renews: bool = False, **facts: Any
) -> Response:
    """Render a page. `private` pages show one guest's data: no caching, indexing or referrer.

    A page that `renews` itself may run our script.
    """
    page = Response(render_template(template, **facts), status=status)
    page.headers["Content-Security-Policy"] = POLICY + (_RENEWS if renews else "")
    page.headers["Cache-Control"] = "no-store" if private else "no-cache"
    if private:
        page.headers["Referrer-Policy"] = "no-referrer"
        page.headers["X-Robots-Tag"] = "noindex"
    return page


def register_trouble(blueprint: APIBlueprint) -> None:
    """Answer errors of this blueprint with HTML pages."""
    blueprint.register_error_handler(MaitredError, _refused)
    blueprint.register_error_handler(ValidationError, _invalid)
    blueprint.register_error_handler(DBAPIError, _database)
    blueprint.register_error_handler(PoolTimeout, _database)


def messages_of(error: Invalid) -> dict[str, str]:
    """Return the error of each field as a sentence to show next to it. The first one wins."""
    found: dict[str, str] = {}
    for entry in error.fields:
        text = entry.message.strip()
        found.setdefault(entry.field, f"This {text}." if text[:1].islower() else text)
    return found


def _refused(error: MaitredError) -> Response:
    kind = kind_of(error)
    page = _trouble(kind, error.message)
    if kind.retry_after is not None:
        page.headers["Retry-After"] = str(kind.retry_after)
    return page


def _invalid(error: ValidationError) -> Response:
    return _refused(invalid_from(error))


def _database(error: Exception) -> Response:
    if is_unavailable(error):
        log.error("database unavailable", extra={"error": type(error).__name__})
        return _refused(Unavailable("the book cannot be reached now; try again in a moment"))
    log.error("unexpected error", exc_info=error)
    return _trouble(ProblemKind(500, "Internal error"), "something went wrong on our side")


def _trouble(kind: ProblemKind, message: str) -> Response:
    sentence = message[:1].upper() + message[1:] + "."
    return render(
        "trouble.html", status=kind.status, private=True, title=kind.title, message=sentence
    )
