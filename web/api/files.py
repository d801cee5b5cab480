"""A restaurant's files: named, versioned pictures. `logo` is shown to guests."""

from itertools import groupby
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from models.core import clock
from models.core.database.transactions import reading, unit
from models.operations.running.files import keep_file, withdraw_file
from models.queries.accounts.accounts import Caller
from models.queries.running.files import StoredVersion, file_of, files_of
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.endpoint import READ, STAFF, describe
from web.api.shapes import local_text
from web.http.access import staff_at_restaurant
from web.http.json_body import MAX_BODY, json_response
from web.pictures import picture_answer
from web.schemas.files import FileOut, FileQuery, FilesOut

blueprint = APIBlueprint("files", __name__, url_prefix="/api/v1", tag="Files")

_SECURITY = ("staff",)
_PICTURES = ("image/png", "image/jpeg", "image/webp")


@blueprint.get("/restaurants/<slug:slug>/files")
@staff_at_restaurant(Permission.READ_BOOK)
@describe(blueprint, {200: FilesOut}, problems=(*READ, *STAFF, 404), security=_SECURITY)
def get_files(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """List every name and its versions, newest first."""
    with reading() as session:
        found = files_of(session, restaurant.id)
    named = [
        {"name": name, "versions": [_version(restaurant, each) for each in versions]}
        for name, versions in groupby(found, key=lambda each: each.name)
    ]
    return json_response({"files": named}, Cache_Control="no-store")


@blueprint.get("/restaurants/<slug:slug>/files/<slug:name>")
@staff_at_restaurant(Permission.READ_BOOK)
@blueprint.input(FileQuery, location="query", arg_name="query")
@describe(
    blueprint,
    {200: None},
    problems=(*READ, *STAFF, 404, 422),
    security=_SECURITY,
    pictures=_PICTURES,
)
def get_file(restaurant: RestaurantSpec, caller: Caller, name: str, query: FileQuery) -> Response:
    """Download a version of a file."""
    with reading() as session:
        media_type, content = file_of(session, restaurant.id, name, query.version)
    answer = picture_answer(media_type, content, name=name)
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


@blueprint.put("/restaurants/<slug:slug>/files/<slug:name>")
@staff_at_restaurant(Permission.CHANGE_FILES)
@describe(
    blueprint,
    {200: FileOut},
    problems=(400, 409, 413, 422, 429, 503, *STAFF, 404),
    security=_SECURITY,
    takes=_PICTURES,
)
def put_file(restaurant: RestaurantSpec, caller: Caller, name: str) -> Response:
    """Store a picture under a name, as its next version. The same picture again changes nothing.

    The body is the picture itself: PNG, JPEG or WebP, not animated, at most 60 kB and 2048 pixels
    a side. Its type is detected from its content; Content-Type is ignored. Audited.
    """
    content, now = _body(), clock.now()
    version = unit(
        lambda session: keep_file(
            session, restaurant.id, name, content, now=now, actor=caller.actor
        )
    )
    return json_response({"name": name, "version": version}, Cache_Control="no-store")


@blueprint.delete("/restaurants/<slug:slug>/files/<slug:name>")
@staff_at_restaurant(Permission.CHANGE_FILES)
@describe(blueprint, {204: None}, problems=(400, *STAFF, 404, 409, 429, 503), security=_SECURITY)
def delete_file(restaurant: RestaurantSpec, caller: Caller, name: str) -> Response:
    """Withdraw a name: it refers to no file from now on. Its versions are retained. Audited."""
    now = clock.now()
    unit(lambda session: withdraw_file(session, restaurant.id, name, now=now, actor=caller.actor))
    return Response(status=204)


def _body() -> bytes:
    content = request.get_data()
    if request.content_length is None and len(content) >= MAX_BODY:
        raise RequestEntityTooLarge  # chunked: Werkzeug stops reading at the limit
    return content


def _version(restaurant: RestaurantSpec, kept: StoredVersion) -> dict[str, Any]:
    return {
        "version": kept.version,
        "at": local_text(restaurant, kept.at),
        "actor": kept.actor,
        "sha256": kept.sha256 and kept.sha256.hex(),
        "media_type": kept.media_type,
        "size": kept.size,
        "width": kept.width,
        "height": kept.height,
    }
