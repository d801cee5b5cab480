"""/door/{slug}: a guest joins the list at the door. Its place is shown at its manage link."""

import uuid
from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import Response, request
from pydantic import ValidationError

from models.core import clock
from models.core.database.transactions import reading, unit
from models.core.errors import Invalid, KeyReused, StateConflict
from models.core.secrets.signing import manage_token
from models.operations.door.joining import GUEST, DoorRequest, join
from models.operations.reservations.booking import Accepted
from models.queries.door.view import door_view
from models.rules.restaurant.restaurant import RestaurantSpec
from web.http.access import public
from web.http.around import about_new
from web.http.errors import invalid_from
from web.nudging import nudge_after_link
from web.offers import recent_restaurant
from web.pages.booking import see_other
from web.pages.door_words import WORDS, language_of, wait_words
from web.pages.page import register_trouble, render
from web.pages.place import place_url
from web.schemas.door import JoinRequest
from web.schemas.requests import guest_details

blueprint = APIBlueprint("door_page", __name__, enable_openapi=False)
register_trouble(blueprint)


@blueprint.get("/door/<slug:slug>")
@public
def show(slug: str) -> Response:
    """Show the waits now, and the form that joins the list while it is open."""
    return _form(recent_restaurant(slug), {})


@blueprint.post("/door/<slug:slug>")
@public
def join_list(slug: str) -> Response:
    """Join the list, then go to the page of the party's place."""
    restaurant = recent_restaurant(slug)
    form = {name: value.strip() for name, value in request.form.items()}
    try:
        accepted = _join(restaurant, form)
    except ValidationError as error:
        return _form(restaurant, form, wrong=_fields(invalid_from(error)), status=422)
    except Invalid as error:
        return _form(restaurant, form, wrong=_fields(error), status=422)
    except KeyReused:  # the page was gone back to, and its fields were changed
        return _form(restaurant, form | {"key": ""}, wrong={"form"}, status=422)
    except StateConflict:
        return _form(restaurant, form | {"key": ""}, is_refused=True, status=409)
    about_new(accepted)
    nudge_after_link()
    return see_other(place_url(manage_token(accepted.reservation_id, accepted.link_secret)))


def _form(
    restaurant: RestaurantSpec,
    form: dict[str, str],
    *,
    wrong: frozenset[str] | set[str] = frozenset(),
    is_refused: bool = False,
    status: int = 200,
) -> Response:
    with reading() as session:
        view = door_view(session, restaurant, now=clock.now())
    language = language_of(restaurant)
    words = WORDS[language]
    waits = {
        size: wait_words(words, wait)
        for size, wait in view.waits.items()
        if size <= restaurant.policies.max_party_online
    }
    facts: dict[str, Any] = {
        "restaurant": restaurant,
        "language": language,
        "words": words,
        "waits": waits,
        "sizes": list(waits),
        "form": {"key": str(uuid.uuid4()), "party_size": "2"}
        | {name: value for name, value in form.items() if value},
        "wrong": wrong,
        "shut": words[view.shut.value] if view.shut else "",
        "is_refused": is_refused and view.shut is None,
    }
    return render("door.html", status=status, private=True, **facts)


def _join(restaurant: RestaurantSpec, form: dict[str, str]) -> Accepted:
    size = form.get("party_size", "")
    guest = {name: form[name] for name in ("name", "email", "phone") if form.get(name)}
    guest = {"name": "", "locale": language_of(restaurant)} | guest
    body = {
        "party_size": int(size) if size.isascii() and size.isdigit() and len(size) < 5 else 0,
        "guest": guest,
        "note": form.get("note", ""),
    }
    asked = JoinRequest.model_validate(body)
    wish = DoorRequest(
        party_size=asked.party_size, guest=guest_details(asked.guest, restaurant), note=asked.note
    )
    key, now = form.get("key", "")[:200] or str(uuid.uuid4()), clock.now()
    raw = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    return unit(
        lambda session: join(
            session, restaurant, request=wish, key=key, body=raw, now=now, actor=GUEST
        )
    )


def _fields(error: Invalid) -> set[str]:
    """Return the form's fields that are wrong: `phone` for `guest.phone`."""
    return {each.field.rpartition(".")[2] for each in error.fields}
