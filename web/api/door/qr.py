"""The QR code of the page where guests join the list at the door."""

from io import BytesIO

import segno
from apiflask import APIBlueprint
from flask import Response

from web.api.door.facts import join_url
from web.api.endpoint import READ, describe
from web.http.access import public
from web.offers import recent_restaurant

blueprint = APIBlueprint("door_qr", __name__, url_prefix="/api/v1", tag="The door")

_SVG = "image/svg+xml"
#: Seconds that browsers keep it: it changes only with PUBLIC_URL.
_KEPT = 3600


@blueprint.get("/restaurants/<slug:slug>/door/qr.svg")
@public
@describe(blueprint, {200: None}, problems=(*READ, 404), pictures=(_SVG,))
def get_qr(slug: str) -> Response:
    """Return the QR code of `join_url` as SVG, to print and to hang up at the door."""
    restaurant = recent_restaurant(slug)
    code, out = segno.make(join_url(restaurant), error="m", micro=False), BytesIO()
    code.save(out, kind="svg", scale=8, title=restaurant.name, xmldecl=True, nl=False)
    answer = Response(out.getvalue(), mimetype=_SVG)
    answer.headers["Cache-Control"] = f"public, max-age={_KEPT}"
    return answer
