"""The parts of the OpenAPI document that APIFlask does not derive from the views."""

from typing import Any, Final, cast

from apiflask import APIFlask
from pydantic import BaseModel

from models.rules.flags import Flag
from web.api.endpoint import ANSWER_MODELS, BODY_KEY, HEADERS_KEY
from web.schemas.answers import Problem
from web.schemas.requests import RequestModel

#: Version of the API, not of the program. Nothing is removed within v1.
API_VERSION: Final = "1.0.0"
_REFS: Final = "#/components/schemas/{model}"

#: Request headers by name: (schema, required, description)
REQUEST_HEADERS: Final[dict[str, tuple[dict[str, Any], bool, str]]] = {
    "Idempotency-Key": (
        {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]([ -~]*[!-~])?$"},
        True,
        "Unique for each request. Repeating the same key and body gives the same answer.",
    ),
    "Prefer": (
        {"type": "string", "maxLength": 200, "examples": ["wait=5"]},
        False,
        "`wait=N`: answer with the decision if it is made within N seconds.",
    ),
    "If-Match": (
        {"type": "string", "maxLength": 200, "examples": ['"3"']},
        False,
        "The ETag that the change is based on; 412 if the reservation has changed since.",
    ),
    "Manage-Token": (
        {"type": "string", "maxLength": 200},
        False,
        "The manage token of a reservation that this guest already has.",
    ),
    "Last-Event-ID": (
        {"type": "string", "maxLength": 200, "examples": ["17"]},
        False,
        "The last event that the caller received; it is not sent again.",
    ),
    "If-None-Match": (
        {"type": "string", "maxLength": 200},
        False,
        "The ETag that the caller has; 304 if it is still current.",
    ),
}
SECURITY_SCHEMES: Final = {
    "guest": {
        "type": "apiKey",
        "in": "header",
        "name": "Manage-Token",
        "description": "The token of a manage link; opens exactly one reservation.",
    },
    "staff": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}
#: bodies that may be left out
OPTIONAL: Final = frozenset(
    model.__name__ for model in RequestModel.__subclasses__() if model.body_optional
)
PATH_SCHEMAS: Final = {
    "flag": {"type": "string", "enum": [flag.value for flag in Flag]},
    "slug": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$", "examples": ["demo"]},
    "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$", "examples": ["logo"]},
    "reservation_id": {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"},
    "block_id": {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"},
    "message_id": {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"},
    "guest_id": {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"},
    "note_id": {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"},
    "sign_in_id": {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"},
}


def register_openapi(app: APIFlask) -> None:
    """Configure what APIFlask writes into the document, and register `complete`."""
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_200_RESPONSE=False,
        AUTO_SERVERS=False,
        AUTO_OPERATION_ID=True,
        SECURITY_SCHEMES=SECURITY_SCHEMES,
        DESCRIPTION="The back end that runs a restaurant's book. Errors are RFC 9457 problems.",
    )
    app.spec_processor(complete)  # type: ignore[arg-type]  # a dict, because SPEC_FORMAT is json


def complete(spec: dict[str, Any]) -> dict[str, Any]:
    """Add the response models, the request headers and exact path parameters."""
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    models: dict[str, type[BaseModel]] = {**ANSWER_MODELS, "Problem": Problem}
    for name, model in models.items():
        schema = model.model_json_schema(ref_template=_REFS, mode="serialization")
        schemas.update(schema.pop("$defs", {}))
        schemas[name] = schema
    for path in spec["paths"].values():
        for operation in path.values():
            _complete_operation(operation)
    # every blueprint adds its tag, but client generators accept each name only once
    spec["tags"] = list({tag["name"]: tag for tag in spec["tags"]}.values())
    spec["components"]["schemas"] = schemas = dict(sorted(schemas.items()))
    return cast("dict[str, Any]", _by_one_name(spec, schemas))


def _by_one_name(part: Any, schemas: dict[str, Any]) -> Any:
    """Rename nested models (`Outer.Model`) to `Model` everywhere in `part`."""
    if isinstance(part, list):
        return [_by_one_name(each, schemas) for each in part]
    if not isinstance(part, dict):
        return part
    if part is schemas:
        part = {name.rpartition(".")[2]: schema for name, schema in part.items()}
    kept = {name: _by_one_name(each, schemas) for name, each in part.items()}
    place, _, name = str(kept.get("$ref", "")).rpartition("/")
    return kept | {"$ref": f"{place}/{name.rpartition('.')[2]}"} if place else kept


def _complete_operation(operation: dict[str, Any]) -> None:
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        operation["requestBody"]["required"] = schema["$ref"].rpartition("/")[2] not in OPTIONAL
    if body := operation.pop(BODY_KEY, None):
        operation["requestBody"] = {"required": True, "content": body}
    parameters = operation.setdefault("parameters", [])
    for parameter in parameters:
        if parameter["in"] == "path":
            parameter["schema"] = PATH_SCHEMAS[parameter["name"]]
    for name in operation.pop(HEADERS_KEY, ()):
        schema, required, description = REQUEST_HEADERS[name]
        parameters.append(
            {
                "name": name,
                "in": "header",
                "required": required,
                "description": description,
                "schema": schema,
            }
        )
