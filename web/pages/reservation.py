"""The reservation behind a guest's link, and what its pages show."""

from typing import Any, Final
from urllib.parse import urlencode

from flask import request, url_for

from models.core import clock
from models.core.database.transactions import reading
from models.core.errors import NotFound, SignInFailed
from models.core.secrets.signing import contact_key, read_manage_token
from models.queries.guest_book.standing import is_blocked
from models.queries.guests.consents import consents_of_reservation
from models.queries.reservations.links import opens
from models.queries.reservations.reservations import ReservationView, reservation_view
from models.rules.reservations.lifecycle import OPEN, Status
from web.api.shapes import local_text
from web.http.around import about
from web.pages import words

_NO_LINK: Final = "this link is not valid; please use the one in our message"


def open_link(token: str) -> ReservationView:
    """The reservation behind a guest's link. Raises NotFound where the link is not valid."""
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


def page_facts(view: ReservationView, token: str, code: str = "") -> dict[str, Any]:
    """What every page about the reservation shows. `code`: the one that confirms its contact."""
    headline, meaning = words.status_words(view, may_confirm=bool(code))
    # the form was sent again: show the answer that the guest has already
    is_held = view.confirm_by is not None or view.approve_by is not None
    stands = view.status is Status.CONFIRMED and not is_held
    again = request.args.get("again") if stands else None
    changing = view.change is not None and view.change.status == "requested"
    return {
        "token": token,
        "code": code,
        "view": view,
        "restaurant": view.restaurant,
        "said_in": words.language_of(view) if words.words_of_request(view) else "en",
        "headline": words.AGAIN if again else headline,
        "meaning": words.ONE_NEAR_THAT_TIME if again == "other" else meaning,
        "reason": words.reason_words(view.reason) if view.status is Status.DECLINED else "",
        "change": words.change_words(view),
        "when": words.when(view.restaurant, view.starts_at, guest_locale=view.guest_locale),
        "covers": words.covers(view.party_size),
        "area": words.area_name(view.restaurant, view.area_key),
        "wanted": words.wanted_features(view),
        "may_change": view.status in OPEN and view.starts_at > clock.now(),
        "must_call": _must_call(view),
        "is_late": 0 <= _minutes_ahead(view) < view.cancel_cutoff_minutes,
        "waits": view.status is Status.REQUESTED or changing,
        "alternatives": _alternatives(view),
    }


def _must_call(view: ReservationView) -> bool:
    """Whether the staff have blocked the guest, who may cancel, but not change it here."""
    if view.status not in OPEN:
        return False
    contacts = (contact_key(view.guest_email), contact_key(view.guest_phone))
    with reading() as session:
        return is_blocked(session, view.restaurant.id, contacts)


def news_facts(view: ReservationView) -> dict[str, Any]:
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
