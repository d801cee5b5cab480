"""Answer every error as application/problem+json (RFC 9457). Pages answer with HTML instead."""

import logging
from typing import Any, Final

import orjson
from apiflask import APIFlask
from flask import Response, g, request
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from models.core.errors import (
    AlreadyBooked,
    Busy,
    FieldProblem,
    Invalid,
    MaitredError,
    NotSeated,
    Sentence,
    TableTaken,
    sentence,
    words_of,
)
from web.api.shapes import manage_link, party_in_the_way
from web.http.around import READS
from web.http.json_body import PROBLEM_TYPE
from web.http.problems import HTTP_CODES, Unavailable, kind_of

log = logging.getLogger(__name__)

#: Refusals that are logged: not signed in, not allowed, too many requests.
LOGGED: Final = frozenset({401, 403, 429})
#: With these errors a commit may have succeeded although its answer was lost.
_OUTCOME_UNKNOWN: Final = frozenset({Busy, Unavailable})
_RETRY: Final = (
    "the outcome is unknown; retry the same request: a retry with the same Idempotency-Key or "
    "If-Match is safe"
)
TYPE_BASE = "urn:maitred:problem:"
_MESSAGE_MAX = 300


def register_errors(app: APIFlask) -> None:
    """Make `app` answer every error with a problem document."""
    app.register_error_handler(MaitredError, answer_refusal)
    app.register_error_handler(ValidationError, answer_invalid)
    app.register_error_handler(HTTPException, answer_http)
    app.register_error_handler(DBAPIError, answer_database)
    app.register_error_handler(PoolTimeout, answer_database)
    app.register_error_handler(Exception, answer_unexpected)


def answer_refusal(error: MaitredError) -> Response:
    """Answer an application error by the table in web/http/problems.py."""
    kind = kind_of(error)
    if kind.status == 500:
        return answer_unexpected(error)
    if kind.status in LOGGED:
        log.warning("refused", extra={"code": error.code, "endpoint": request.endpoint})
    more = _more(error)
    message = error.message
    if type(error) in _OUTCOME_UNKNOWN and request.method not in READS:
        message, more = f"{message}; {_RETRY}", more | {"outcome": "unknown"}
    answer = problem(kind.status, error.code, kind.title, message, fields=error.fields, **more)
    if kind.retry_after is not None:
        answer.headers["Retry-After"] = str(kind.retry_after)
    if kind.status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="maitred"'
    return answer


def _more(error: MaitredError) -> dict[str, Any]:
    """Return the machine-readable members that help the caller to continue."""
    if isinstance(error, NotSeated):
        return {"reason": error.reason}
    if isinstance(error, TableTaken):
        return {"parties": [party_in_the_way(each) for each in error.parties]}
    if isinstance(error, AlreadyBooked):
        return {"reservation_id": str(error.reservation_id), "manage_url": manage_link(error.token)}
    return {}


def answer_invalid(error: ValidationError) -> Response:
    """Answer a Pydantic error with one entry for each bad field."""
    return answer_refusal(invalid_from(error))


def invalid_from(error: ValidationError) -> Invalid:
    """Convert a Pydantic error to Maitred's own Invalid."""
    fields = tuple(
        FieldProblem(_path(found["loc"]), _message(found))
        for found in error.errors(include_url=False, include_input=False)
    )
    return Invalid("some fields are invalid", fields=fields)


def answer_http(error: HTTPException) -> Response:
    """Answer Werkzeug's errors: unknown path, wrong method, body too large."""
    response = error.get_response()
    if error.code is None or error.code < 400:
        return Response(response.get_data(), response.status_code, dict(response.headers))
    answer = problem(
        error.code,
        HTTP_CODES.get(error.code, "http-error"),
        error.name,
        _detail(error),
    )
    for name in ("Allow", "Retry-After", "WWW-Authenticate"):
        if name in response.headers:
            answer.headers[name] = response.headers[name]
    return answer


def answer_database(error: Exception) -> Response:
    """Answer 503 when the database is unreachable or its pool is exhausted, else 500 (a bug)."""
    if not is_unavailable(error):
        return answer_unexpected(error)
    log.error("database unavailable", extra={"error": type(error).__name__})
    return answer_refusal(Unavailable("the database is unavailable; try again in a moment"))


def is_unavailable(error: Exception) -> bool:
    """Return whether the error means that the database is unavailable."""
    if isinstance(error, (OperationalError, InterfaceError, PoolTimeout)):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def answer_unexpected(error: Exception) -> Response:
    """Log the error with its traceback, and answer 500 without details."""
    log.error("unexpected error", exc_info=error)
    return problem(500, "internal", "Internal error", "something went wrong on our side")


def problem(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    fields: tuple[FieldProblem, ...] = (),
    **more: Any,
) -> Response:
    """Build a problem document with a stable `code` and one entry for each bad field."""
    body = {
        "type": TYPE_BASE + code,
        "title": title,
        "status": status,
        "detail": detail[:_MESSAGE_MAX],
        "code": code,
        "errors": [
            {"field": entry.field, "message": entry.message[:_MESSAGE_MAX]} | _why(entry.message)
            for entry in fields
        ],
        "request_id": g.get("request_id", ""),
        **_why(detail),
        **more,
    }
    answer = Response(orjson.dumps(body), status=status, mimetype=PROBLEM_TYPE)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _why(message: str) -> dict[str, Any]:
    """Return the code of a sentence and its values, for a page in another language."""
    if not isinstance(message, Sentence):
        return {}
    return {"why": message.code, "values": message.values}


def _detail(error: HTTPException) -> str:
    if error.code == 404:
        return "there is nothing at this address"
    if error.code == 405:
        return "method not allowed"
    return error.description or error.name


def _path(parts: tuple[int | str, ...]) -> str:
    return ".".join(str(part)[:80] for part in parts) or "body"


#: Pydantic's error types, reworded like our own: what the value must be.
MESSAGES: Final[dict[str, str]] = {
    "extra_forbidden": "is not a known field",
    "missing": "is required",
    "string_type": "must be a string",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "string_unicode": "must be valid text",
    "int_type": "must be a whole number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "too_long": "must have at most {max_length} entries",
    "model_type": "must be an object",
}


def _message(found: ErrorDetails) -> str:
    context, kind = found.get("ctx", {}), found["type"]
    if kind == "value_error":
        return words_of(context["error"])
    if kind == "string_too_short" and context.get("min_length") == 1:
        return sentence("not_empty", "must not be empty")
    if kind in MESSAGES:
        return sentence(kind, MESSAGES[kind], **context)
    return found["msg"]
