"""JSON with orjson. The reader refuses input that two parsers could read differently."""

import json
from typing import Any, Final

import orjson
from flask import Response, request
from flask.json.provider import JSONProvider
from werkzeug.exceptions import RequestEntityTooLarge

from web.http.problems import BadRequest, NotJson

PROBLEM_TYPE: Final = "application/problem+json"
MAX_BODY: Final = 64 * 1024


class OrjsonProvider(JSONProvider):
    """Flask's JSON provider, using orjson."""

    def dumps(self, obj: Any, **_options: Any) -> str:
        """Return compact JSON."""
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        """Parse strict JSON: UTF-8, no NaN, no lone surrogates."""
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a JSON response."""
        return json_response(self._prepare_response_obj(args, kwargs))


def json_response(body: Any, status: int = 200, **headers: str) -> Response:
    """Return `body` as JSON. Header names are written with underscores (`ETag`, `Retry_After`)."""
    answer = Response(orjson.dumps(body), status=status, mimetype="application/json")
    for name, value in headers.items():
        answer.headers[name.replace("_", "-")] = value
    return answer


def read_json_object(*, optional: bool = False) -> dict[str, Any]:
    """Return the request's body: one JSON object without repeated keys.

    Raises NotJson (415) for another content type, BadRequest (400) for anything else than such an
    object, and RequestEntityTooLarge (413) for a chunked body beyond MAX_BODY. With `optional`, an
    absent body is an empty object.
    """
    raw = request.get_data(cache=True)
    if request.content_length is None and len(raw) >= MAX_BODY:
        raise RequestEntityTooLarge  # chunked: Werkzeug stops reading at the limit
    if optional and not raw:
        return {}
    if request.mimetype != "application/json":
        raise NotJson("send the body as Content-Type: application/json")
    try:
        body = orjson.loads(raw)
        json.loads(raw, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as wrong:
        raise BadRequest.field("body", f"is not valid JSON: {_short(wrong)}") from wrong
    if not isinstance(body, dict):
        raise BadRequest.field("body", "must be a JSON object")
    return body


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadRequest.field(twice[:80], "is repeated")
    return found


def _short(wrong: Exception) -> str:
    return str(wrong).splitlines()[0][:120]
