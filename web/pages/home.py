"""/: the start page, with links to what can be opened."""

from typing import Final

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy import select

from models.core.database.transactions import reading
from models.core.settings import settings
from models.entities.floor import Restaurant
from web.http.access import public
from web.pages.page import register_trouble, render

blueprint = APIBlueprint("home", __name__, enable_openapi=False)
register_trouble(blueprint)

_SHOWN: Final = 20


@blueprint.get("/")
@public
def home() -> Response:
    """Show links: the API's description and, outside production, this installation's restaurants.

    At most 20 restaurants are listed.
    """
    restaurants = []
    if settings().environment != "production":
        query = select(Restaurant.slug, Restaurant.name).order_by(Restaurant.slug).limit(_SHOWN)
        with reading() as session:
            restaurants = list(session.execute(query))
    return render("home.html", restaurants=restaurants)
