"""The place of a party on the list at the door: the page of its manage link while it waits."""

from typing import Any, Final

from apiflask import APIBlueprint
from flask import Response, url_for

from models.core import clock
from models.core.database.transactions import reading, unit
from models.operations.door.joining import GUEST
from models.operations.door.leaving import leave_list
from models.queries.door.view import door_view
from models.queries.door.waiting import InLine
from models.queries.reservations.reservations import ReservationView
from models.rules.door.quotes import Quote
from models.rules.reservations.lifecycle import DOOR, Status
from tasks.messaging.templates.wording import local, wording
from web.http.access import public
from web.nudging import nudge_after_link
from web.pages.booking import see_other
from web.pages.door_words import WORDS, language_of, wait_words
from web.pages.page import register_trouble, render
from web.pages.reservation import open_link

blueprint = APIBlueprint("place", __name__, enable_openapi=False, url_prefix="/manage")
register_trouble(blueprint)

#: States of a party at the door that have this page; the others are those of any reservation.
_OWN: Final = frozenset({Status.WAITLISTED, Status.CANCELLED, Status.EXPIRED})
#: state -> (headline, meaning), for a party that no longer waits
_ENDED: Final = {Status.CANCELLED: ("left", "left_lead"), Status.EXPIRED: ("over", "over_lead")}


def place_url(token: str) -> str:
    """Return the path of the party's page."""
    return url_for("manage.show", token=token)


def has_place(view: ReservationView) -> bool:
    """Return whether the manage link shows a place in the list, not a reservation."""
    return view.source == DOOR and view.status in _OWN


@blueprint.post("/<token>/leave")
@public
def leave(token: str) -> Response:
    """Leave the list. Idempotent."""
    view, now = open_link(token), clock.now()
    unit(lambda session: leave_list(session, view.id, now=now, actor=GUEST))
    nudge_after_link()
    return see_other(place_url(token))


def show_place(view: ReservationView, token: str) -> Response:
    """Show the party's place and wait, or that its table is ready."""
    language = language_of(view.restaurant, view.guest_locale)
    words = WORDS[language]
    facts: dict[str, Any] = {
        "restaurant": view.restaurant,
        "language": language,
        "words": words,
        "token": token,
        "view": view,
        "waits": view.status is Status.WAITLISTED,
        "told": "",
        "wait": "",
    }
    if view.status is Status.WAITLISTED:
        facts |= _waiting(view, words)
    else:
        headline, meaning = _ENDED[view.status]
        facts |= {"headline": words[headline], "meaning": words[meaning]}
    return render("place.html", private=True, renews=facts["waits"], **facts)


def _waiting(view: ReservationView, words: dict[str, str]) -> dict[str, str]:
    with reading() as session:
        line = door_view(session, view.restaurant, now=clock.now()).line
        mine = next((each for each in line if each.row.id == view.id), None)
        if mine is None:  # of another evening
            return {"headline": words["over"], "meaning": words["over_lead"]}
        return _place(view, words, mine)


def _place(view: ReservationView, words: dict[str, str], mine: InLine) -> dict[str, str]:
    entry = mine.entry
    if entry.ready_until is not None:
        spoken = wording(view.guest_locale, view.restaurant.locale)
        until = spoken.time(local(entry.ready_until, zone=view.restaurant.zone))
        return {"headline": words["ready"], "meaning": words["ready_lead"].format(until=until)}
    if mine.place is None:
        return {"headline": words["missed"], "meaning": words["missed_lead"]}
    low, high = entry.quoted_low, entry.quoted_high
    told = "" if low is None or high is None else wait_words(words, Quote(low, high))
    headline = words["your_place"].format(n=mine.place)
    wait = wait_words(words, mine.wait)
    return {"headline": headline, "meaning": words["refresh"], "wait": wait, "told": told}
