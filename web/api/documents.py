"""/docs: Swagger UI for the OpenAPI document, served without any other host."""

from typing import Final

from apiflask import APIBlueprint
from flask import Response, render_template, send_from_directory
from swagger_ui_bundle import swagger_ui_path  # type: ignore[import-untyped]

from web.http.access import public

blueprint = APIBlueprint("documents", __name__, enable_openapi=False)

_ASSETS: Final = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})
#: Swagger UI uses data: URLs for icons. Its few inline style attributes are blocked.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@blueprint.get("/docs")
@public
def docs() -> Response:
    """Serve the page that lists the operations and lets you try them."""
    page = Response(render_template("docs.html"))
    page.headers["Content-Security-Policy"] = _POLICY
    return page


@blueprint.get("/docs/assets/<name>")
@public
def docs_asset(name: str) -> Response:
    """Serve Swagger UI's files from the installed package."""
    if name not in _ASSETS:
        return Response(status=404)
    return send_from_directory(str(swagger_ui_path), name, max_age=86_400)
