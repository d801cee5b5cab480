"""Rendering of the stand's pages: language, theme, headers, and what to do when not signed in."""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from apiflask import APIBlueprint
from flask import Response, render_template, request, url_for

from models.core.errors import SignInFailed
from models.rules.reservations.verbs import UNDONE_BY, Verb
from models.rules.restaurant.restaurant import RestaurantSpec
from tasks.messaging.templates.wording import LANGUAGES, Wording, wording
from web.http.browser_session import cookie_name, end_session, has_session, page_token
from web.pages.booking import see_other
from web.pages.page import register_trouble

_FOLDER: Final = Path(__file__).parent / "words"
LANGUAGE: Final = "language"
THEME: Final = "theme"
THEMES: Final = ("auto", "light", "dark")
#: names of the languages in themselves
LANGUAGE_NAMES: Final = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "it": "Italiano",
}
#: Allows our own scripts and calls, and nothing from elsewhere.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

#: the views of an evening, and what can be taken away: (word, endpoint). Only the first shows no
#: tables, and so also a restaurant that has none.
VIEWS: Final = (
    ("list", "stand_list.show"),
    ("timeline", "stand_timeline.show"),
    ("floor", "stand_floor.show"),
)
#: the acts that `take-back` undoes, as the scripts read them
UNDOABLE: Final = " ".join(each for each, by in UNDONE_BY.items() if by is Verb.TAKE_BACK)
#: field of a request -> the word that the page has for it
FIELDS: Final = {
    "party_size": "party",
    "covers": "party",
    "start": "when",
    "date": "day",
    "area": "where",
    "tables": "table",
    "from": "from_time",
    "until": "until",
    "shift": "shift",
    "name": "name",
    "phone": "phone",
    "email": "email",
    "note": "guest_note",
    "staff_note": "staff_note",
    "allergies": "allergies",
    "occasion": "occasion",
    "reason": "reason",
    "amount": "party_spend",
    "message": "own_words",
    "needs": "needs",
    "wishes": "wishes",
}
EXPORTS: Final = (("print", "stand_sheets.printed"), ("csv", "stand_sheets.download"))


@lru_cache(maxsize=len(LANGUAGES))
def words_of(language: str) -> dict[str, str]:
    """Return the texts of the stand in one language, by their names."""
    files = sorted(_FOLDER.glob(f"{language}*.toml"))
    found = [tomllib.loads(path.read_text(encoding="utf-8")) for path in files]
    return {str(name): str(value) for texts in found for name, value in texts.items()}


@lru_cache(maxsize=len(LANGUAGES))
def js_words_of(language: str) -> dict[str, str]:
    """Return the texts that the scripts say, and the names of fields that a refusal may name."""
    texts = words_of(language)
    said = {name[3:]: text for name, text in texts.items() if name.startswith("js_")}
    return said | {f"field_{field}": texts[word] for field, word in FIELDS.items()}


def wording_of(restaurant: RestaurantSpec) -> Wording:
    """Return the chosen language: by cookie, else the browser's, else the restaurant's."""
    chosen = request.cookies.get(cookie_name(LANGUAGE), "")
    if chosen not in LANGUAGES:
        chosen = request.accept_languages.best_match(LANGUAGES) or restaurant.locale
    return wording(chosen, restaurant.locale)


def theme_of() -> str:
    """Return `light` or `dark` as chosen, or `auto`."""
    chosen = request.cookies.get(cookie_name(THEME), "")
    return chosen if chosen in THEMES else "auto"


def render_stand(
    template: str, restaurant: RestaurantSpec, *, status: int = 200, **facts: Any
) -> Response:
    """Render a page of the stand. It shows guests' data: never cached, never indexed."""
    said = wording_of(restaurant)
    texts = words_of(said.language)
    page = render_template(
        f"stand/{template}",
        t=texts,
        js_words=js_words_of(said.language),
        lang=said.language,
        theme=theme_of(),
        themes=THEMES,
        languages=LANGUAGE_NAMES,
        restaurant=restaurant,
        page_token=page_token() if has_session() else "",
        undoable=UNDOABLE,
        views=VIEWS if restaurant.covers is None else VIEWS[:1],
        exports=EXPORTS,
        **facts,
    )
    answer = Response(page, status=status)
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


def register_stand(blueprint: APIBlueprint) -> None:
    """Answer errors with pages, and send whoever is not signed in to the sign-in page."""
    register_trouble(blueprint)
    blueprint.register_error_handler(SignInFailed, _to_sign_in)


def to_list(restaurant: RestaurantSpec) -> Response:
    """Send to the list, on the same date: a restaurant without tables has no other view."""
    day = request.args.get("date")
    return see_other(url_for("stand_list.show", slug=restaurant.slug, date=day))


def _to_sign_in(_error: SignInFailed) -> Response:
    slug = (request.view_args or {}).get("slug", "")
    place = url_for("stand_sign_in.show", slug=slug, next=own_path(request.full_path))
    answer = see_other(place)
    answer.headers["Content-Security-Policy"] = POLICY
    return end_session(answer) if has_session() else answer


def own_path(path: str) -> str | None:
    """Return a path of the stand as it is, and None for anything else."""
    is_own = path.startswith("/stand/") and path.isascii() and path.isprintable()
    return path.removesuffix("?") if is_own and "\\" not in path and len(path) < 300 else None
