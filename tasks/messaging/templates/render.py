"""Rendering of one message. Pure, except that each template is read once."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from models.core.names import printed
from models.core.secrets.signing import confirmation_code, manage_token
from models.core.settings import settings
from models.queries.messages.outgoing import Outgoing
from models.rules.deciding.board import Reason
from models.rules.messages.notifying import Kind
from tasks.messaging.channels.gsm7 import fold, segments
from tasks.messaging.templates.wording import KindPhrases, Wording, local, wording

#: Kinds after which nothing is left to manage: their link leads to the booking page.
_OVER = frozenset({Kind.DECLINED, Kind.CANCELLED, Kind.CONTACT_CHANGED})
#: Kinds that promise a table. While it waits for a confirmation by the link, or for the staff's
#: approval, other phrases are used.
_HELD = frozenset({Kind.REQUESTED, Kind.CONFIRMATION, Kind.CHANGED, Kind.LINK, Kind.ALREADY_BOOKED})
#: Kinds that tell a party at the door its place in the list, not a time.
_AT_DOOR = frozenset({Kind.WAITLISTED, Kind.LINK})
_EXPLAINED = frozenset({Kind.DECLINED, Kind.CHANGE_REFUSED})
_WITH_PLANS = frozenset({Kind.CONFIRMATION, Kind.CHANGED, Kind.CHANGE_REFUSED, Kind.REMINDER})
#: Kind -> the reservation's status in schema.org; None: no linked data in the e-mail.
_SCHEMA_STATUS = {
    Kind.REQUESTED: "ReservationPending",
    Kind.CONFIRMATION: "ReservationConfirmed",
    Kind.CHANGED: "ReservationConfirmed",
    Kind.REMINDER: "ReservationConfirmed",
    Kind.CHANGE_REFUSED: None,
    Kind.WAITLISTED: "ReservationPending",
    Kind.CANCELLED: "ReservationCancelled",
    Kind.DECLINED: None,
    Kind.LINK: None,
    Kind.ALREADY_BOOKED: None,
    Kind.CONTACT_CHANGED: None,
    Kind.TABLE_READY: None,
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A rendered e-mail. `event` is the title of the event in the guest's calendar."""

    language: str
    subject: str
    text: str
    html: str
    event: str
    link: str


@lru_cache(maxsize=2)
def _template(name: str) -> Template:
    environment = Environment(  # nosec B701 - plain text is not escaped, HTML is
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)


def one_line(text: str) -> str:
    """Return the text on one line without control characters, for headers, names and SMS."""
    return printed(text)


def manage_link(outgoing: Outgoing) -> str:
    """Return the link with which a guest views, changes and cancels this one reservation."""
    return _manage_link(outgoing.reservation_id, outgoing.link_secret)


@lru_cache(maxsize=1024)
def _manage_link(reservation_id: int, secret: bytes | None) -> str:
    token = manage_token(reservation_id, secret)
    return f"{settings().public_url.rstrip('/')}/manage/{token}"


def _own_link(outgoing: Outgoing) -> str:
    """Return the manage link, for an unconfirmed contact with the code that confirms it."""
    link = manage_link(outgoing)
    contact = outgoing.guest_email if outgoing.channel == "email" else outgoing.guest_phone
    if outgoing.is_proved or not contact:
        return link
    return f"{link}?k={confirmation_code(outgoing.reservation_id, contact)}"


def _book_link(slug: str) -> str:
    return f"{settings().public_url.rstrip('/')}/book/{slug}"


def render_letter(outgoing: Outgoing) -> Letter:
    """Return the e-mail of this message. Raises KeyError for a kind that has no phrases."""
    words = wording(outgoing.guest_locale, outgoing.restaurant.locale)
    values, kind = _values(outgoing, words), Kind(outgoing.kind)
    phrases, is_held = _phrases(outgoing, words), _is_held(outgoing) or _is_pending(outgoing)
    context = {
        "language": words.language,
        "words": words.phrases,
        "title": phrases.title,
        "greeting": _greeting(words, values),
        "lead": f"{outgoing.host_text} {phrases.lead.format(**values)}".strip(),
        "why": _why(outgoing, words),
        "facts": [] if kind is Kind.DECLINED else _facts(outgoing, words, values),
        "others": [words.short(moment) for moment in _others(outgoing)],
        "button": _button(outgoing, words),
        "link": values["link"],
        "plans": words.phrases.plans if kind in _WITH_PLANS and not is_held else "",
        "restaurant": outgoing.restaurant,
        "footer": words.phrases.footer.format(**values),
        "linked_data": _linked_data(outgoing, values),
    }
    return Letter(
        language=words.language,
        subject=one_line(phrases.subject.format(**values)),
        text=_template("email.txt").render(context),
        html=_template("email.html").render(context),
        event=words.phrases.event.format(**values),
        link=values["link"],
    )


def render_sms(outgoing: Outgoing) -> str:
    """Return the SMS of this message, in GSM-7 and in one segment where that is possible.

    When the text exceeds one segment, the link has no confirmation code, unless the table is held
    for a confirmation.
    """
    words = wording(outgoing.guest_locale, outgoing.restaurant.locale)
    values = _values(outgoing, words)
    text = _sms(outgoing, words, values)
    if segments(text) == 1 or outgoing.is_proved or _is_held(outgoing):
        return text
    return _sms(outgoing, words, values | {"link": values["link"].partition("?")[0]})


def _is_held(outgoing: Outgoing) -> bool:
    """Whether the message is about a table that is held for a confirmation by the link."""
    return outgoing.confirm_by is not None and outgoing.kind in _HELD


def _is_pending(outgoing: Outgoing) -> bool:
    """Whether the message is about a request that the staff have yet to approve."""
    return outgoing.approve_by is not None and outgoing.kind in _HELD


def _waits_at_door(outgoing: Outgoing) -> bool:
    """Whether the message is about a place in the list, so that it has no start to name."""
    return outgoing.at_door and outgoing.kind in _AT_DOOR | {Kind.TABLE_READY}


def _phrases(outgoing: Outgoing, words: Wording) -> KindPhrases:
    if _is_held(outgoing):
        return words.phrases.to_confirm
    if _is_pending(outgoing):
        return words.phrases.kinds[Kind.REQUESTED]
    if outgoing.at_door and outgoing.kind in _AT_DOOR:
        return words.phrases.at_door
    return words.phrases.kinds[Kind(outgoing.kind)]


def _button(outgoing: Outgoing, words: Wording) -> str:
    if _is_held(outgoing):
        return words.phrases.confirm
    if _waits_at_door(outgoing):
        return words.phrases.place
    return words.phrases.book if Kind(outgoing.kind) in _OVER else words.phrases.manage


def _sms(outgoing: Outgoing, words: Wording, values: dict[str, str]) -> str:
    phrases = _phrases(outgoing, words)
    others = _others(outgoing) if phrases.sms_others else []
    texts = []
    for count in range(len(others), -1, -1):
        times = ", ".join(_brief(outgoing, moment, words) for moment in others[:count])
        listed = phrases.sms_others.format(times=times) if times else ""
        text = f"{phrases.sms.format(others=listed, **values)} {outgoing.host_text}"
        texts.append(fold(one_line(text)))
    # as many other times as fit into one segment; all of them when it does not fit without any
    return next((text for text in texts if segments(text) == 1), texts[0])


def _values(outgoing: Outgoing, words: Wording) -> dict[str, str]:
    start = local(outgoing.starts_at, zone=outgoing.restaurant.zone)
    over = Kind(outgoing.kind) in _OVER
    values = {
        "restaurant": one_line(outgoing.restaurant.name),
        "name": one_line(outgoing.guest_name),
        "party": words.party(outgoing.party_size),
        "n": str(outgoing.party_size),
        "when": words.when(start),
        "brief": words.brief(start),
        "short": words.short(start),
        "link": (_book_link(outgoing.restaurant.slug) if over else _own_link(outgoing)),
        "wish": "",
        "until": "",
    }
    if outgoing.ready_until:
        values["until"] = words.time(local(outgoing.ready_until, zone=outgoing.restaurant.zone))
    if outgoing.approve_by:
        values["until"] = words.short(local(outgoing.approve_by, zone=outgoing.restaurant.zone))
    if outgoing.confirm_by:
        values["until"] = words.time(local(outgoing.confirm_by, zone=outgoing.restaurant.zone))
    if outgoing.wish:
        wished = local(outgoing.wish.starts_at, zone=outgoing.restaurant.zone)
        values["wish"] = f"{words.party(outgoing.wish.party_size)}, {words.when(wished)}"
    return values


def _greeting(words: Wording, values: dict[str, str]) -> str:
    phrases = words.phrases
    return phrases.greeting.format(**values) if values["name"] else phrases.greeting_unnamed


def _why(outgoing: Outgoing, words: Wording) -> str:
    if outgoing.kind not in _EXPLAINED:
        return ""
    reason = outgoing.wish.reason if outgoing.wish else outgoing.reason
    return words.phrases.reasons[Reason(reason)] if reason in set(Reason) else ""


def _others(outgoing: Outgoing) -> list[datetime]:
    if outgoing.kind not in _EXPLAINED:
        return []
    moments = outgoing.wish.alternatives if outgoing.wish else outgoing.alternatives
    return [local(moment, zone=outgoing.restaurant.zone) for moment in moments]


def _brief(outgoing: Outgoing, moment: datetime, words: Wording) -> str:
    same_day = moment.date() == local(outgoing.starts_at, zone=outgoing.restaurant.zone).date()
    return words.time(moment) if same_day else words.brief(moment)


def _facts(outgoing: Outgoing, words: Wording, values: dict[str, str]) -> list[tuple[str, str]]:
    phrases = words.phrases
    facts = [
        (phrases.when_label, "" if _waits_at_door(outgoing) else values["when"]),
        (phrases.party_label, values["party"]),
        (phrases.area_label, outgoing.area or ""),
        (phrases.reference, outgoing.reference),
        (phrases.note_label, outgoing.note.strip()),
    ]
    return [(label, value) for label, value in facts if value]


def _linked_data(outgoing: Outgoing, values: dict[str, str]) -> dict[str, Any] | None:
    """Return schema.org's FoodEstablishmentReservation, which mail programs show as a card."""
    status = None if outgoing.at_door else _SCHEMA_STATUS[Kind(outgoing.kind)]
    if _is_held(outgoing) or _is_pending(outgoing):
        status = "ReservationPending"
    if status is None:
        return None
    restaurant = outgoing.restaurant
    # a first message has no guest name, and a schema.org Person requires one
    under = {"underName": {"@type": "Person", "name": values["name"]}} if values["name"] else {}
    return {
        "@context": "https://schema.org",
        "@type": "FoodEstablishmentReservation",
        "reservationNumber": outgoing.reference,
        "reservationStatus": f"https://schema.org/{status}",
        **under,
        "reservationFor": {
            "@type": "FoodEstablishment",
            "name": values["restaurant"],
            "address": restaurant.address,
            "telephone": restaurant.phone,
        },
        "startTime": local(outgoing.starts_at, zone=restaurant.zone).isoformat(),
        "endTime": local(outgoing.ends_at, zone=restaurant.zone).isoformat(),
        "partySize": outgoing.party_size,
        "modifyReservationUrl": manage_link(outgoing),
    }
