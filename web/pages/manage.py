"""/manage/{token}: a guest views, changes and cancels one reservation.

GET changes nothing, except that the link of a message confirms the contact.
"""

from typing import Any, Final

from apiflask import APIBlueprint
from flask import Response, request, url_for
from pydantic import ValidationError
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import unit
from models.core.errors import Invalid
from models.core.settings import settings
from models.operations.guests.consents import say_consent
from models.operations.reservations.changes import cancel_reservation
from models.operations.reservations.contact_proofs import confirm_contact
from models.operations.stand.unconfirmed import confirm_by_link
from models.queries.reservations.reservations import ReservationView
from web.api.shapes import local_text
from web.http.access import GUEST, Visitor, public
from web.http.errors import invalid_from
from web.http.rate_limits import counted_change
from web.http.waiting import wait_for_decision
from web.nudging import nudge_after_move, nudge_restaurant
from web.pages import words
from web.pages.booking import PAGE_WAIT_SECONDS, find_offers, news, search_facts, see_other
from web.pages.page import messages_of, register_trouble, render
from web.pages.place import has_place, show_place
from web.pages.reservation import news_facts, open_link, page_facts
from web.patching import apply_patch
from web.schemas.patches import ReservationPatch
from web.schemas.requests import ConsentIn

blueprint = APIBlueprint("manage", __name__, enable_openapi=False, url_prefix="/manage")
register_trouble(blueprint)

_GUEST: Final = Visitor(None)
#: query parameter of links in messages; see models/operations/reservations/contact_proofs.py
PROOF: Final = "k"


@blueprint.get("/<token>")
@public
def show(token: str) -> Response:
    """Show the reservation and its actions; a message's link only confirms the contact."""
    view = open_link(token)
    code = request.args.get(PROOF, "")
    if code and view.confirm_by is not None:
        # a mail scanner may open every link, so confirming the table needs a button
        return _shown(view, token, code)
    if code:
        if request.method == "GET" and "prefetch" not in request.headers.get("Sec-Purpose", ""):
            now = clock.now()
            unit(lambda session: confirm_contact(session, view.id, code, now=now))
        return see_other(url_for("manage.show", token=token))
    if has_place(view):
        return show_place(view, token)
    return _shown(view, token)


def _shown(view: ReservationView, token: str, code: str = "") -> Response:
    facts = page_facts(view, token, code) | news_facts(view)
    return render("manage.html", private=True, renews=facts["waits"], **facts)


@blueprint.post("/<token>/confirm")
@public
def confirm(token: str) -> Response:
    """Confirm the table through the link that was sent to the contact. Idempotent."""
    view, now, code = open_link(token), clock.now(), request.form.get(PROOF, "")
    unit(lambda session: confirm_by_link(session, view.id, code, now=now))
    nudge_after_move(view.restaurant.id)
    return see_other(url_for("manage.show", token=token))


@blueprint.post("/<token>/news")
@public
def set_news(token: str) -> Response:
    """Record the guest's answer on news. Repeating the same answer adds nothing."""
    view, now = open_link(token), clock.now()
    body = ConsentIn.model_validate(news(given=request.form.get("given") == "yes"))
    consent = body.consent("manage", actor=GUEST)
    unit(lambda session: say_consent(session, view.id, consent, now=now))
    return see_other(url_for("manage.show", token=token))


@blueprint.get("/<token>/change")
@public
def choose(token: str) -> Response:
    """Show the change form: another party, day or area, and the starts available for it."""
    return _choices(token, dict(request.args.items()), {})


@blueprint.post("/<token>/change")
@public
def change(token: str) -> Response:
    """Request the change. The current table is held until it is decided."""
    form = {name: value.strip() for name, value in request.form.items()}
    if form.get("date") and form.get("start") and not form["start"].startswith(form["date"]):
        # another day was chosen, and its times have not been shown yet
        return _choices(token, form, {"start": "Choose a time on that day."})
    try:
        _apply(token, _requested(form))
    except ValidationError as error:
        return _choices(token, form, messages_of(invalid_from(error)))
    except Invalid as error:
        return _choices(token, form, messages_of(error))
    return see_other(url_for("manage.show", token=token))


@blueprint.get("/<token>/details")
@public
def details(token: str) -> Response:
    """Show the form that edits name, contact and note."""
    return _details_form(open_link(token), token, {}, {})


@blueprint.post("/<token>/details")
@public
def edit(token: str) -> Response:
    """Save name, contact and note. This needs no decision."""
    form = {name: value.strip() for name, value in request.form.items()}
    guest = {name: form.get(name) or None for name in ("email", "phone")}
    body = {"guest": guest | {"name": form.get("name", "")}, "note": form.get("note", "")}
    try:
        _apply(token, body)
    except ValidationError as error:
        return _details_form(open_link(token), token, form, messages_of(invalid_from(error)))
    except Invalid as error:
        return _details_form(open_link(token), token, form, messages_of(error))
    return see_other(url_for("manage.show", token=token))


@blueprint.get("/<token>/cancel")
@public
def confirm_cancel(token: str) -> Response:
    """Show the page that asks for confirmation."""
    view = open_link(token)
    return render("cancel.html", private=True, **page_facts(view, token))


@blueprint.post("/<token>/cancel")
@public
def cancel(token: str) -> Response:
    """Cancel the reservation. Idempotent."""
    view, now = open_link(token), clock.now()
    unit(lambda session: cancel_reservation(session, view.id, now=now, actor=GUEST, by_staff=False))
    nudge_after_move(view.restaurant.id)
    return see_other(url_for("manage.show", token=token))


def _requested(form: dict[str, str]) -> dict[str, Any]:
    """Convert the form to the API's request body."""
    size = form.get("party_size", "")
    return {
        "party_size": int(size) if size.isascii() and size.isdigit() and len(size) < 5 else 0,
        "start": form.get("start", ""),
        "area": form.get("area") or None,
    }


def _apply(token: str, body: dict[str, Any]) -> None:
    view, now = open_link(token), clock.now()
    patch = ReservationPatch.model_validate(body)

    def work(session: Session) -> int | None:
        how: dict[str, Any] = {"if_revision": None, "awaited": True, "now": now}
        return apply_patch(session, view.id, patch=patch, visitor=_GUEST, **how)

    with counted_change(view.id):
        change_id = unit(work)
    if change_id is not None:
        nudge_restaurant(view.restaurant.id)
        seconds = min(PAGE_WAIT_SECONDS, settings().wait_seconds_max)
        wait_for_decision("change", change_id, seconds)


def _choices(token: str, form: dict[str, str], errors: dict[str, str]) -> Response:
    view = open_link(token)
    spec, start = view.restaurant, view.starts_at.astimezone(view.restaurant.tz)
    search = {
        "date": form.get("date") or start.date().isoformat(),
        "party_size": form.get("party_size") or str(view.party_size),
        "area": form.get("area", view.area_key or ""),
    }
    asked = {name: value for name, value in search.items() if value}
    offers, wrong = find_offers(spec, asked)
    facts = search_facts(spec, search) | page_facts(view, token)
    errors = wrong | errors
    # the current area may be kept, even if guests may not request it
    own = [area for area in spec.areas if area.key == view.area_key]
    facts |= {
        "areas": (*facts["areas"], *(area for area in own if area not in facts["areas"])),
        "offers": offers,
        "errors": errors,
        "own_start": local_text(spec, view.starts_at),
        "own_day": start.date().isoformat(),
        "day_words": words.day_words(spec, search["date"], guest_locale=view.guest_locale),
        "own_time": words.clock_time(spec, view.starts_at, guest_locale=view.guest_locale),
        "chosen": form.get("start") or local_text(spec, view.starts_at),
    }
    return render("change.html", status=422 if errors else 200, private=True, **facts)


def _details_form(
    view: ReservationView, token: str, form: dict[str, str], errors: dict[str, str]
) -> Response:
    shown = {
        "name": view.guest_name,
        "email": view.guest_email or "",
        "phone": view.guest_phone or "",
        "note": view.note,
    } | form
    return render(
        "edit.html",
        status=422 if errors else 200,
        private=True,
        form=shown,
        errors=errors,
        **page_facts(view, token),
    )
