"""The Flask application and the ordered list of its parts."""

from apiflask import APIFlask
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter

from models.core.settings import settings
from web.api import (
    documents,
    files,
    flags,
    operations,
    provider_callbacks,
    reservations,
    restaurants,
)
from web.api.accounts import auth, second_factor
from web.api.door import door, qr
from web.api.door import verbs as door_verbs
from web.api.evening import blocks, history, limits, sections
from web.api.guest_book import records as guest_records
from web.api.guest_book import search as guest_search
from web.api.stand import arrivals, book, book_events, guests, links, messages, proposals, requests
from web.api.tables import acts as table_acts
from web.api.tables import reservation_history
from web.description import API_VERSION, register_openapi
from web.http.around import register_around
from web.http.errors import register_errors
from web.http.json_body import OrjsonProvider
from web.http.rate_limits import register_limits
from web.http.reserved_threads import register_request_slots
from web.http.tokens import register_tokens
from web.http.unread import register_unread
from web.pages import booking, door_page, home, logo, manage, place, status
from web.pages.stand.views import STAND_PAGES


class SlugConverter(BaseConverter):
    """A restaurant's slug. Any other text is an unknown URL (404)."""

    regex = r"[a-z0-9][a-z0-9-]{0,62}"


class IdConverter(BaseConverter):
    """A row's id, 1 to 18 digits."""

    regex = r"[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        """Return the id as an integer."""
        return int(value)


def create_app() -> APIFlask:
    """Build the application from the process's settings, without using the database or Redis."""
    app = APIFlask("web", title="Maitred", version=API_VERSION, docs_path=None)
    app.json = OrjsonProvider(app)
    app.json_provider_class = OrjsonProvider
    app.url_map.converters["slug"] = SlugConverter
    app.url_map.converters["id"] = IdConverter
    app.url_map.strict_slashes = False
    # merging redirects to a URL built from the Host header, which the caller controls
    app.url_map.merge_slashes = False
    if settings().trusted_proxies:
        proxies = settings().trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies
        )
    register_around(app)
    register_unread(app)
    register_request_slots(app, book_events.open_streams)
    register_limits(app)
    register_errors(app)
    register_tokens(app)
    register_openapi(app)
    _add_parts(app)
    return app


def _add_parts(app: APIFlask) -> None:
    """Add each part of the API, and the pages."""
    app.register_blueprint(restaurants.blueprint)
    app.register_blueprint(reservations.blueprint)
    app.register_blueprint(auth.blueprint)
    app.register_blueprint(second_factor.blueprint)
    app.register_blueprint(book.blueprint)
    app.register_blueprint(book_events.blueprint)
    app.register_blueprint(arrivals.blueprint)
    app.register_blueprint(requests.blueprint)
    app.register_blueprint(proposals.blueprint)
    app.register_blueprint(door.blueprint)
    app.register_blueprint(door_verbs.blueprint)
    app.register_blueprint(qr.blueprint)
    app.register_blueprint(door_page.blueprint)
    app.register_blueprint(place.blueprint)
    app.register_blueprint(blocks.blueprint)
    app.register_blueprint(history.blueprint)
    app.register_blueprint(limits.blueprint)
    app.register_blueprint(sections.blueprint)
    app.register_blueprint(table_acts.blueprint)
    app.register_blueprint(reservation_history.blueprint)
    app.register_blueprint(flags.blueprint)
    app.register_blueprint(links.blueprint)
    app.register_blueprint(guests.blueprint)
    app.register_blueprint(guest_search.blueprint)
    app.register_blueprint(guest_records.blueprint)
    app.register_blueprint(files.blueprint)
    app.register_blueprint(messages.blueprint)
    app.register_blueprint(provider_callbacks.blueprint)
    app.register_blueprint(operations.blueprint)
    app.register_blueprint(documents.blueprint)
    for pages in (home, booking, logo, manage, status):
        app.register_blueprint(pages.blueprint)
    for stand_pages in STAND_PAGES:
        app.register_blueprint(stand_pages)
