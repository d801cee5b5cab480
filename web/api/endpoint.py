"""Declaring an endpoint: its input, its responses, and its possible problems."""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from apiflask import APIBlueprint
from apiflask.schema_adapters import registry
from apiflask.schema_adapters.pydantic import PydanticAdapter
from flask import Request
from pydantic import BaseModel

from web.http.json_body import PROBLEM_TYPE, read_json_object
from web.http.problems import BadRequest

View = TypeVar("View", bound=Callable[..., Any])

#: response models; web/description.py puts them under components
ANSWER_MODELS: Final[dict[str, type[BaseModel]]] = {}
#: an operation's request headers, until web/description.py turns them into parameters
HEADERS_KEY: Final = "x-request-headers"
#: the media types of a body that is not JSON, likewise
BODY_KEY: Final = "x-request-body"

PROBLEM_TEXTS: Final = {
    400: "The request cannot be read",
    401: "Not signed in, or the token is not valid",
    403: "Signed in, but this needs another role",
    404: "Not found, or not accessible to the caller",
    409: "Conflict with the current state, or busy",
    412: "Changed since the revision that If-Match names",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "Some fields are invalid; `errors` names each",
    429: "Too many requests or attempts; see Retry-After",
    503: "Unavailable or overloaded; see Retry-After",
}
#: problems of any read, and of any write with a body
READ: Final = (400, 429, 503)
WRITE: Final = (400, 409, 413, 415, 422, 429, 503)
STAFF: Final = (401, 403)


class StrictAdapter(PydanticAdapter):
    """APIFlask's Pydantic adapter: parses JSON strictly and leaves errors to our handlers."""

    def validate_input(self, request: Request, location: str, **kwargs: Any) -> BaseModel:
        """Return the model, from the body or the query string.

        Raises ValidationError, BadRequest, and what `read_json_object` raises.
        """
        if location == "query":
            return self.model_class.model_validate(_query(request))
        optional = getattr(self.model_class, "body_optional", False)
        return self.model_class.model_validate(read_json_object(optional=optional))


def _query(request: Request) -> dict[str, str]:
    for name, values in request.args.lists():
        if len(values) > 1:
            raise BadRequest.field(name[:80], "is repeated")
    return request.args.to_dict()


# Before any endpoint is declared: `input` looks up the adapter at import.
registry.register("pydantic", StrictAdapter)


def describe(
    blueprint: APIBlueprint,
    answers: dict[int, type[BaseModel] | None],
    *,
    problems: Iterable[int],
    headers: tuple[str, ...] = (),
    security: tuple[str, ...] = (),
    pictures: tuple[str, ...] = (),
    takes: tuple[str, ...] = (),
    events: str = "",
) -> Callable[[View], View]:
    """Describe a view's responses in the OpenAPI document: models by status, and its problems.

    `headers` are the request headers it reads. `security` lists schemes, one of which is required.
    `pictures` are the media types of its 200, `takes` those of a request body that is not JSON.
    `events` names the events that its 200 streams.
    """
    responses: dict[int, Any] = {
        status: _answer(status, model) for status, model in answers.items()
    }
    if pictures:
        responses[200]["content"] = _binary(pictures)
    if events:
        responses[200]["content"] = {"text/event-stream": {"schema": _event(events)}}
    for status in sorted(set(problems)):
        responses[status] = {
            "description": PROBLEM_TEXTS[status],
            "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return blueprint.doc(
        responses=responses,
        security=[{name: []} for name in security] or None,
        extensions={HEADERS_KEY: list(headers), BODY_KEY: _binary(takes)},
    )


def _binary(media_types: tuple[str, ...]) -> dict[str, Any]:
    return {name: {"schema": {"type": "string", "format": "binary"}} for name in media_types}


def _event(name: str) -> dict[str, Any]:
    text = {"type": "string"}
    data = text | {"contentMediaType": "application/json"}
    properties = {"event": {"const": name}, "id": text, "data": data}
    return {"type": "object", "properties": properties, "required": ["event", "data"]}


def _answer(status: int, model: type[BaseModel] | None) -> dict[str, Any]:
    text = {201: "Decided", 202: "Accepted; not decided yet", 204: "Done", 304: "Not modified"}
    answer: dict[str, Any] = {"description": text.get(status, "OK")}
    if model is not None:
        ANSWER_MODELS[model.__name__] = model
        schema = {"$ref": f"#/components/schemas/{model.__name__}"}
        answer["content"] = {"application/json": {"schema": schema}}
    return answer
