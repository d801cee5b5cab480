"""The API's own description: a page that needs no other server."""

from typing import Final

from apiflask import APIBlueprint
from flask import Response, render_template, send_from_directory
from swagger_ui_bundle import swagger_ui_path  # type: ignore[import-untyped]

from web.http.access import public

blueprint = APIBlueprint("documents", __name__, enable_openapi=False)

_ASSETS: Final = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})
#: Swagger UI draws its icons from data: URLs; of its styles, the few in attributes are left out
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@blueprint.get("/docs")
@public
def docs() -> Response:
    """The operations, to read and to try."""
    page = Response(render_template("docs.html"))
    page.headers["Content-Security-Policy"] = _POLICY
    return page


@blueprint.get("/docs/assets/<name>")
@public
def docs_asset(name: str) -> Response:
    """Swagger UI's own files, from the installed package."""
    if name not in _ASSETS:
        return Response(status=404)
    return send_from_directory(str(swagger_ui_path), name, max_age=86_400)
