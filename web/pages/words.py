"""Texts of the pages in plain English: times, sizes, statuses."""

from datetime import date, datetime
from typing import Final

from babel import Locale
from babel.dates import format_date

from models.queries.reservations.reservations import ReservationView
from models.rules.deciding.board import Reason, shown_reason
from models.rules.messages.notifying import Kind
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec
from tasks.messaging.templates.wording import Wording, local, wording

#: The consent text and its version, which stored consents name: change both together.
NEWS_WORDING: Final = "page-1"
NEWS_WORDS: Final = "Send me news and offers of this restaurant. I can change my mind at any time."

#: status -> (headline, meaning for the guest)
STATUS_WORDS: Final[dict[Status, tuple[str, str]]] = {
    Status.REQUESTED: (
        "We are looking for your table",
        "This takes a moment. We also send you the answer.",
    ),
    Status.CONFIRMED: ("Your table is reserved", "We look forward to seeing you."),
    Status.WAITLISTED: (
        "You are on the waitlist",
        "No table is free at that time. If one is given back, it is yours and we will notify you.",
    ),
    Status.DECLINED: ("We have no table for you then", "We are sorry."),
    Status.CANCELLED: ("This reservation is cancelled", "Nothing else needs to be done."),
    Status.EXPIRED: ("No table became free", "We are sorry: the waitlist for that time is over."),
    Status.ARRIVED: ("Welcome", "You are here; your table is being made ready."),
    Status.SEATED: ("Enjoy your meal", "You are seated."),
    Status.FINISHED: ("Thank you for coming", "We hope to see you again."),
    Status.NO_SHOW: ("We missed you", "Nobody came for this reservation."),
}
AGAIN: Final = "You have this table already"
ONE_NEAR_THAT_TIME: Final = (
    "You asked for another one near that time, and each guest can have one. To come at another "
    "time or with more people, change this one."
)
#: while the table is held until the guest confirms it: (headline, meaning)
TO_CONFIRM: Final = (
    "Please confirm your table",
    "We hold it for you until {until}. Open the link in our message to confirm it.",
)
#: shown to guests who opened that link
CONFIRM_HERE: Final = "We hold it for you until {until}. Do you want it?"
NOT_CONFIRMED: Final = (
    "This reservation was not confirmed",
    "It was not confirmed by the link in our message in time, and the table was given back.",
)
REASON_WORDS: Final[dict[str, str]] = {
    Reason.FULL: "Every table is taken at that time.",
    Reason.PACING: "Too many parties arrive at that time already.",
    Reason.PARTY_TOO_LARGE: "We have no table for a party of that size.",
    Reason.CLOSED: "The restaurant is closed at that time.",
    Reason.STOPPED: "Online booking is closed for that time; please call us.",
    Reason.TOO_LATE: "It is too late for that time.",
    # whether a contact has a table near that time must not be disclosed
    Reason.SAME_GUEST: "Every table is taken at that time.",
    Reason.NO_SHOWS: "Every table is taken at that time.",
    Reason.UNPROVED: "It was not confirmed by the link in our message in time.",
    Reason.APPROVAL: "The restaurant decides this itself; please call.",
    Reason.WAITLIST_FULL: "Every table is taken, and the waitlist is full.",
}


def status_words(view: ReservationView, *, may_confirm: bool) -> tuple[str, str]:
    """Return (headline, meaning). `may_confirm`: the page was opened by the link in a message."""
    if view.confirm_by is not None:
        until = clock_time(view.restaurant, view.confirm_by, guest_locale=view.guest_locale)
        headline, meaning = TO_CONFIRM
        return headline, (CONFIRM_HERE if may_confirm else meaning).format(until=until)
    if view.status is Status.EXPIRED and view.reason == Reason.UNPROVED:
        return NOT_CONFIRMED
    return words_of_request(view) or STATUS_WORDS[view.status]


def words_of_request(view: ReservationView) -> tuple[str, str] | None:
    """Return (headline, meaning) of a request that the staff approve, in the guest's language.

    None for any other reservation.
    """
    said = _wording_of(view)
    if view.approve_by is not None and view.confirm_by is None:
        phrases = said.phrases.kinds[Kind.REQUESTED]
        until = said.short(local(view.approve_by, zone=view.restaurant.zone))
        return phrases.title, phrases.lead.format(until=until)
    if view.reason in (Reason.NOT_APPROVED, Reason.UNANSWERED):
        reason = said.phrases.reasons[Reason(view.reason)]
        return said.phrases.kinds[Kind.DECLINED].title, reason
    return None


def language_of(view: ReservationView) -> str:
    """Return the language of `words_of_request`."""
    return _wording_of(view).language


def _wording_of(view: ReservationView) -> Wording:
    return wording(view.guest_locale or view.restaurant.locale, view.restaurant.locale)


def day_words(restaurant: RestaurantSpec, text: str, *, guest_locale: str = "") -> str:
    """Return the day of an ISO date as in `when`, or the text itself if it is not a date."""
    try:
        return _long_date(restaurant, date.fromisoformat(text), guest_locale)
    except ValueError:
        return text


def _long_date(restaurant: RestaurantSpec, day: date, guest_locale: str) -> str:
    """In the order of the guest's messages where those are in English, as the pages are."""
    written = wording(guest_locale or restaurant.locale, restaurant.locale)
    locale = written.locale if written.language == "en" else Locale("en")
    return format_date(day, "full", locale=locale)


def clock_time(restaurant: RestaurantSpec, moment: datetime, *, guest_locale: str = "") -> str:
    """Return `19:30` or `7:30 PM` in the restaurant's zone, formatted as in the guest's messages.

    The UTC offset is added in the hour that repeats when clocks are set back.
    """
    written = wording(guest_locale or restaurant.locale, restaurant.locale)
    return written.time(local(moment, zone=restaurant.zone))


def when(restaurant: RestaurantSpec, moment: datetime, *, guest_locale: str = "") -> str:
    """Return `Saturday, May 1, 2027 at 7:30 PM`, in the restaurant's time zone."""
    at = clock_time(restaurant, moment, guest_locale=guest_locale)
    day = local(moment, zone=restaurant.zone).date()
    return f"{_long_date(restaurant, day, guest_locale)} at {at}"


def covers(party_size: int) -> str:
    """Return `1 person` or `4 people`."""
    return "1 person" if party_size == 1 else f"{party_size} people"


def area_name(restaurant: RestaurantSpec, key: str | None) -> str:
    """Return the area's name, or `Anywhere` without one."""
    area = restaurant.area_by_key.get(key or "")
    return area.name if area else "Anywhere"


def wanted_features(view: ReservationView) -> str:
    """Return `Step-free (a must), Booth`; empty if the guest named no features."""
    names = {each.key: each.name for each in view.restaurant.features}
    needs = [f"{names.get(key, key)} (a must)" for key in view.wants.needs]
    return ", ".join([*needs, *(names.get(key, key) for key in view.wants.wishes)])


def reason_words(reason: str | None) -> str:
    """Return why there is no table; empty without a reason."""
    return REASON_WORDS.get(shown_reason(reason) or "", "")


def change_words(view: ReservationView) -> str:
    """Return the outcome of the last change request; empty when there is nothing to say."""
    change = view.change
    if change is None:
        return ""
    start = when(view.restaurant, change.starts_at, guest_locale=view.guest_locale)
    wanted = f"{covers(change.party_size)}, {start}"
    if change.status == "requested":
        return f"You asked to change this to {wanted}. We are looking; your table stays until then."
    if change.status == "refused":
        return f"We could not change this to {wanted}. {reason_words(change.reason)}".strip()
    return ""
