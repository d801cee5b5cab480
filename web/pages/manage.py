"""/manage/{token}: a guest views, changes and cancels one reservation.

GET changes nothing, except that the link of a message confirms the contact.
"""

from typing import Any, Final
from urllib.parse import urlencode

from apiflask import APIBlueprint
from flask import Response, request, url_for
from pydantic import ValidationError
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import reading, unit
from models.core.errors import Invalid, NotFound, SignInFailed
from models.core.secrets.signing import read_manage_token
from models.core.settings import settings
from models.operations.guests.consents import say_consent
from models.operations.reservations.changes import cancel_reservation
from models.operations.reservations.contact_proofs import confirm_contact
from models.operations.stand.unconfirmed import confirm_by_link
from models.queries.guests.consents import consents_of_reservation
from models.queries.reservations.links import opens
from models.queries.reservations.reservations import ReservationView, reservation_view
from models.rules.reservations.lifecycle import OPEN, Status
from web.api.shapes import local_text
from web.http.access import GUEST, Visitor, public
from web.http.around import about
from web.http.errors import invalid_from
from web.http.rate_limits import counted_change
from web.http.waiting import wait_for_decision
from web.nudging import nudge_after_move, nudge_restaurant
from web.pages import words
from web.pages.booking import PAGE_WAIT_SECONDS, find_offers, news, search_facts, see_other
from web.pages.page import messages_of, register_trouble, render
from web.patching import apply_patch
from web.schemas.requests import ConsentIn, ReservationPatch

blueprint = APIBlueprint("manage", __name__, enable_openapi=False, url_prefix="/manage")
register_trouble(blueprint)

_GUEST: Final = Visitor(None)
_NO_LINK: Final = "this link is not valid; please use the one in our message"
#: query parameter of links in messages; see models/operations/reservations/contact_proofs.py
PROOF: Final = "k"


@blueprint.get("/<token>")
@public
def show(token: str) -> Response:
    """Show the reservation and its actions; a message's link only confirms the contact."""
    view = _view(token)
    code = request.args.get(PROOF, "")
    if code and view.confirm_by is not None:
        # a mail scanner may open every link, so confirming the table needs a button
        return render("manage.html", private=True, **_facts(view, token, code), **_news(view))
    if code:
        if request.method == "GET" and "prefetch" not in request.headers.get("Sec-Purpose", ""):
            now = clock.now()
            unit(lambda session: confirm_contact(session, view.id, code, now=now))
        return see_other(url_for("manage.show", token=token))
    return render("manage.html", private=True, **_facts(view, token), **_news(view))


@blueprint.post("/<token>/confirm")
@public
def confirm(token: str) -> Response:
    """Confirm the table through the link that was sent to the contact. Idempotent."""
    view, now, code = _view(token), clock.now(), request.form.get(PROOF, "")
    unit(lambda session: confirm_by_link(session, view.id, code, now=now))
    nudge_after_move(view.restaurant.id)
    return see_other(url_for("manage.show", token=token))


@blueprint.post("/<token>/news")
@public
def set_news(token: str) -> Response:
    """Record the guest's answer on news. Repeating the same answer adds nothing."""
    view, now = _view(token), clock.now()
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
    return _details_form(_view(token), token, {}, {})


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
        return _details_form(_view(token), token, form, messages_of(invalid_from(error)))
    except Invalid as error:
        return _details_form(_view(token), token, form, messages_of(error))
    return see_other(url_for("manage.show", token=token))


@blueprint.get("/<token>/cancel")
@public
def confirm_cancel(token: str) -> Response:
    """Show the page that asks for confirmation."""
    view = _view(token)
    return render("cancel.html", private=True, **_facts(view, token))


@blueprint.post("/<token>/cancel")
@public
def cancel(token: str) -> Response:
    """Cancel the reservation. Idempotent."""
    view, now = _view(token), clock.now()
    unit(lambda session: cancel_reservation(session, view.id, now=now, actor=GUEST, by_staff=False))
    nudge_after_move(view.restaurant.id)
    return see_other(url_for("manage.show", token=token))


def _view(token: str) -> ReservationView:
    try:
        link = read_manage_token(token)
    except SignInFailed as forged:
        raise NotFound(_NO_LINK) from forged
    about(link.reservation_id)
    with reading() as session:
        view = reservation_view(session, link.reservation_id)
    if not opens(link, view.link_secret, ends_at=view.ends_at, now=clock.now()):
        raise NotFound(_NO_LINK)
    return view


def _facts(view: ReservationView, token: str, code: str = "") -> dict[str, Any]:
    headline, meaning = words.status_words(view, may_confirm=bool(code))
    # the form was sent again: show the answer that the guest has already
    stands = view.status is Status.CONFIRMED and view.confirm_by is None
    again = request.args.get("again") if stands else None
    changing = view.change is not None and view.change.status == "requested"
    return {
        "token": token,
        "code": code,
        "view": view,
        "restaurant": view.restaurant,
        "headline": words.AGAIN if again else headline,
        "meaning": words.ONE_NEAR_THAT_TIME if again == "other" else meaning,
        "reason": words.reason_words(view.reason) if view.status is Status.DECLINED else "",
        "change": words.change_words(view),
        "when": words.when(view.restaurant, view.starts_at, guest_locale=view.guest_locale),
        "covers": words.covers(view.party_size),
        "area": words.area_name(view.restaurant, view.area_key),
        "may_change": view.status in OPEN and view.starts_at > clock.now(),
        "is_late": 0 <= _minutes_ahead(view) < view.cancel_cutoff_minutes,
        "waits": view.status is Status.REQUESTED or changing,
        "alternatives": _alternatives(view),
    }


def _news(view: ReservationView) -> dict[str, Any]:
    """Return whether to offer news: the restaurant's policy asks, or the guest consented before."""
    with reading() as session:
        consents = consents_of_reservation(session, view.id, for_guest=True)[1]
    wants = any(each.given for each in consents)
    reachable = bool(view.guest_email or view.guest_phone)
    return {
        "asks_news": wants or (view.restaurant.policies.ask_marketing and reachable),
        "wants_news": wants,
        "news_words": words.NEWS_WORDS,
    }


def _minutes_ahead(view: ReservationView) -> float:
    return (view.starts_at - clock.now()).total_seconds() / 60


def _alternatives(view: ReservationView) -> list[tuple[str, str]]:
    """Return (URL, time) of a booking link for each alternative start that the decision named."""
    if view.status not in (Status.DECLINED, Status.EXPIRED, Status.WAITLISTED):
        return []
    place = url_for("booking.choose", slug=view.restaurant.slug)
    asked = {"party_size": str(view.party_size)}
    if view.area_key:
        asked["area"] = view.area_key
    return [
        (
            f"{place}?{urlencode(asked | {'start': local_text(view.restaurant, moment)})}",
            words.when(view.restaurant, moment, guest_locale=view.guest_locale),
        )
        for moment in view.alternatives
    ]


def _requested(form: dict[str, str]) -> dict[str, Any]:
    """Convert the form to the API's request body."""
    size = form.get("party_size", "")
    return {
        "party_size": int(size) if size.isascii() and size.isdigit() and len(size) < 5 else 0,
        "start": form.get("start", ""),
        "area": form.get("area") or None,
    }


def _apply(token: str, body: dict[str, Any]) -> None:
    view, now = _view(token), clock.now()
    patch = ReservationPatch.model_validate(body)

    def work(session: Session) -> int | None:
        return apply_patch(
            session,
            view.id,
            patch=patch,
            visitor=_GUEST,
            if_revision=None,
            awaited=True,
            now=now,
        )

    with counted_change(view.id):
        change_id = unit(work)
    if change_id is not None:
        nudge_restaurant(view.restaurant.id)
        seconds = min(PAGE_WAIT_SECONDS, settings().wait_seconds_max)
        wait_for_decision("change", change_id, seconds)


def _choices(token: str, form: dict[str, str], errors: dict[str, str]) -> Response:
    view = _view(token)
    spec, start = view.restaurant, view.starts_at.astimezone(view.restaurant.tz)
    search = {
        "date": form.get("date") or start.date().isoformat(),
        "party_size": form.get("party_size") or str(view.party_size),
        "area": form.get("area", view.area_key or ""),
    }
    asked = {name: value for name, value in search.items() if value}
    offers, wrong = find_offers(spec, asked)
    facts = search_facts(spec, search) | _facts(view, token)
    errors = wrong | errors
    # the current area may be kept, even if guests may not request it
    own = [area for area in spec.areas if area.key == view.area_key]
    facts |= {
        "areas": (*facts["areas"], *(area for area in own if area not in facts["areas"])),
        "offers": offers,
        "errors": errors,
        "own_start": local_text(spec, view.starts_at),
        "own_day": start.date().isoformat(),
        "day_words": words.day_words(search["date"]),
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
        **_facts(view, token),
    )
