"""/book/{slug}: choose party, date and area; then a start; enter the details; see the answer."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, Final

import orjson
from apiflask import APIBlueprint
from flask import Response, request, url_for
from pydantic import ValidationError

from models.core import clock
from models.core.database.transactions import plain_unit
from models.core.errors import AlreadyBooked, Invalid, KeyReused
from models.core.secrets.signing import manage_token
from models.core.settings import settings
from models.operations.reservations.booking import Accepted, request_reservation
from models.queries.deciding.availability import Slot
from models.rules.restaurant.online_tables import online_areas, online_sizes
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.restaurants import is_on_request
from web.api.shapes import local_text
from web.http.access import public
from web.http.around import about_new
from web.http.errors import invalid_from
from web.http.waiting import wait_for_decision
from web.nudging import nudge_restaurant
from web.offers import offered_starts, recent_restaurant
from web.pages import words
from web.pages.page import messages_of, register_trouble, render
from web.pages.remembered import remember, remembered_tokens
from web.schemas.fields import parse_start
from web.schemas.requests import AvailabilityQuery, ReservationRequest

blueprint = APIBlueprint("booking", __name__, enable_openapi=False)
register_trouble(blueprint)

#: Seconds that the answer page waits for the decision before it says "we are looking".
PAGE_WAIT_SECONDS: Final = 4
SEARCH_FIELDS: Final = frozenset({"date", "party_size", "area"})


@dataclass(frozen=True, slots=True)
class Offer:
    """The starts of one shift."""

    shift: str
    starts: list[tuple[str, str]]
    is_on_request: bool = False


@blueprint.get("/book/<slug:slug>")
@public
def choose(slug: str) -> Response:
    """Show the search form, its results, and (with `start`) the details form."""
    restaurant = recent_restaurant(slug)
    asked = {name: value.strip() for name, value in request.args.items() if value.strip()}
    if "start" in asked and "party_size" in asked:
        if "key" in asked or _start_of(asked) is None:
            return _details(restaurant, asked)
        # the form's key is part of its URL: returning to the page sends the same request again
        keyed: dict[str, Any] = {
            name: asked[name] for name in (*SEARCH_FIELDS, "start") if name in asked
        }
        keyed["key"] = str(uuid.uuid4())
        return see_other(url_for("booking.choose", slug=slug, **keyed))
    search = {name: text for name, text in asked.items() if name in SEARCH_FIELDS}
    facts = search_facts(restaurant, search)
    if "date" not in search:
        return render("book.html", **facts)
    offers, errors = find_offers(restaurant, search)
    status = 422 if errors else 200
    return render("book.html", status=status, **{**facts, "offers": offers, "errors": errors})


@blueprint.post("/book/<slug:slug>")
@public
def ask(slug: str) -> Response:
    """Request the table, then redirect to the reservation's manage page, which shows the answer."""
    restaurant = recent_restaurant(slug)
    form = {name: value.strip() for name, value in request.form.items()}
    try:
        accepted = _request(restaurant, form)
    except KeyReused:
        wrong = {"form": "This form was sent before, with other details. Start again below."}
        return _details(restaurant, form | {"key": str(uuid.uuid4())}, wrong)
    except AlreadyBooked as has:
        how = "same" if has.is_same else "other"
        return see_other(url_for("manage.show", token=has.token, again=how))
    except ValidationError as error:
        return _details(restaurant, form, messages_of(invalid_from(error)))
    except Invalid as error:
        return _details(restaurant, form, messages_of(error))
    about_new(accepted)
    nudge_restaurant(restaurant.id)
    seconds = min(PAGE_WAIT_SECONDS, settings().wait_seconds_max)
    wait_for_decision("reservation", accepted.reservation_id, seconds)
    token = manage_token(accepted.reservation_id, accepted.link_secret)
    again: dict[str, Any] = {"again": "same"} if accepted.replayed else {}
    return remember(see_other(url_for("manage.show", token=token, **again)), slug, token)


def search_facts(restaurant: RestaurantSpec, search: dict[str, str]) -> dict[str, Any]:
    """Return the template variables of the search form."""
    today = clock.now().astimezone(restaurant.tz).date()
    last = today + timedelta(days=restaurant.policies.window_days)
    return {
        "restaurant": restaurant,
        "areas": online_areas(restaurant),
        "search": {"date": today.isoformat(), "party_size": "2", "area": ""} | search,
        "sizes": [(str(size), words.covers(size)) for size in online_sizes(restaurant)],
        "first_day": today.isoformat(),
        "last_day": last.isoformat(),
        "errors": {},
        "offers": None,
    }


def find_offers(
    restaurant: RestaurantSpec, search: dict[str, str]
) -> tuple[list[Offer], dict[str, str]]:
    """Return the starts by shift, and the errors of the search by field."""
    try:
        query = AvailabilityQuery.model_validate(search)
        slots, restaurant = offered_starts(
            restaurant.slug,
            on_date=query.date,
            party_size=query.party_size,
            area_key=query.area,
            now=clock.now(),
        )
    except ValidationError as error:
        return [], messages_of(invalid_from(error))
    except Invalid as error:
        return [], messages_of(error)
    return _by_shift(restaurant, slots, query), {}


def _by_shift(
    restaurant: RestaurantSpec, slots: list[Slot], query: AvailabilityQuery
) -> list[Offer]:
    names = {shift.key: shift.name for shift in restaurant.shifts}
    return [
        Offer(
            names.get(key, key),
            [
                (
                    local_text(restaurant, slot.starts_at),
                    words.clock_time(restaurant, slot.starts_at),
                )
                for slot in found
            ],
            is_on_request(restaurant, key, query),
        )
        for key, found in groupby(slots, key=lambda slot: slot.shift_key)
    ]


def _details(
    restaurant: RestaurantSpec, form: dict[str, str], errors: dict[str, str] | None = None
) -> Response:
    start = _start_of(form)
    if start is None:
        wrong = {"start": "Choose a time from the list."}
        return render("book.html", status=422, **{**search_facts(restaurant, {}), "errors": wrong})
    return render(
        "details.html",
        status=422 if errors else 200,
        private=True,
        restaurant=restaurant,
        form=form,
        errors=errors or {},
        when=words.when(restaurant, start),
        covers=words.covers(_size_of(form)),
        area=words.area_name(restaurant, form.get("area")),
        news_words=words.NEWS_WORDS,
        day=_day_of(restaurant, start).isoformat(),
    )


def _request(restaurant: RestaurantSpec, form: dict[str, str]) -> Accepted:
    body = request_body(form)
    asked = ReservationRequest.model_validate(body)
    request = asked.table_request(restaurant)
    now = clock.now()
    key = form.get("key", "")[:200] or str(uuid.uuid4())
    return plain_unit(
        lambda connection: request_reservation(
            connection,
            restaurant,
            request=request,
            key=key,
            body=orjson.dumps(body, option=orjson.OPT_SORT_KEYS),
            now=now,
            awaited=True,
            links=remembered_tokens(),
        )
    )


def request_body(form: dict[str, str]) -> dict[str, Any]:
    """Convert the form to the API's request body, so that one model validates both."""
    guest = {name: form[name] for name in ("name", "email", "phone") if form.get(name)}
    guest.setdefault("name", "")
    return {
        "party_size": _size_of(form),
        "start": form.get("start", ""),
        "guest": guest,
        "note": form.get("note", ""),
        "waitlist": form.get("waitlist", "yes") == "yes",
        **({"area": form["area"]} if form.get("area") else {}),
        **wanted_features(form),
        # an unticked box is not an answer: it does not withdraw an earlier consent
        **({"marketing": news(given=True)} if form.get("news") == "yes" else {}),
    }


def wanted_features(form: dict[str, str]) -> dict[str, list[str]]:
    """Return the features that the guest needs or wishes for, from the fields `feature-KEY`."""
    chosen = {
        name.removeprefix("feature-"): said
        for name, said in form.items()
        if name.startswith("feature-")
    }
    found = {
        field: [key for key, said in chosen.items() if said == word]
        for field, word in (("needs", "must"), ("wishes", "wish"))
    }
    return {field: keys for field, keys in found.items() if keys}


def news(*, given: bool) -> dict[str, Any]:
    """Return the marketing consent as the API takes it, with the wording that the pages show."""
    return {"given": given, "wording": words.NEWS_WORDING}


def _size_of(form: dict[str, str]) -> int:
    text = form.get("party_size", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0


def _start_of(form: dict[str, str]) -> datetime | None:
    try:
        return parse_start(form.get("start"))
    except ValueError:
        return None


def _day_of(restaurant: RestaurantSpec, start: datetime) -> date:
    return start.astimezone(restaurant.tz).date()


def see_other(place: str) -> Response:
    """Redirect with GET (303), so that a reload does not send the form again."""
    return Response(status=303, headers={"Location": place, "Cache-Control": "no-store"})
