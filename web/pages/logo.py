"""/logo/{slug}/{version}: the logo on a restaurant's pages."""

from typing import Final

from apiflask import APIBlueprint
from flask import Response

from models.core.database.transactions import reading
from models.core.errors import NotFound
from models.queries.floor.load import restaurant_by_slug
from models.queries.running.files import LOGO, file_of
from web.http.access import public
from web.offers import recent_restaurant
from web.pictures import picture_answer

blueprint = APIBlueprint("logo", __name__, enable_openapi=False)

_YEAR: Final = 31_536_000


@blueprint.get("/logo/<slug:slug>/<id:version>")
@public
def show(slug: str, version: int) -> Response:
    """Serve the current logo. A version never changes, so browsers may cache it for a year."""
    restaurant = recent_restaurant(slug)
    with reading() as session:
        if restaurant.logo != version:  # another process may have seen the change before this one
            restaurant = restaurant_by_slug(session, slug)
        if restaurant.logo != version:
            raise NotFound("there is no such logo")
        media_type, content = file_of(session, restaurant.id, LOGO, version)
    answer = picture_answer(media_type, content, name=LOGO)
    answer.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
    return answer
