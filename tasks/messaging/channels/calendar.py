"""The calendar file of a reservation: one event, which later messages update or cancel."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vCalAddress, vText

from models.core.settings import settings
from models.queries.messages.outgoing import Outgoing
from models.rules.messages.notifying import Kind
from tasks.messaging.channels.calendar_zone import zone_text
from tasks.messaging.templates.render import Letter, manage_link, one_line

#: Kind -> iCalendar method, for the kinds that add, update or cancel the event.
METHODS: Final[Mapping[str, str]] = {
    Kind.CONFIRMATION: "PUBLISH",
    Kind.CHANGED: "PUBLISH",
    Kind.CANCELLED: "CANCEL",
}
_PRODUCT = "-//Maitred//Reservations//EN"


def calendar_file(outgoing: Outgoing, letter: Letter, *, organizer: str, now: datetime) -> bytes:
    """Return an iCalendar file (RFC 5545 and 5546): UID by reservation, SEQUENCE by revision.

    The method is PUBLISH, not REQUEST (ADR 16): the event names no attendee, so that no calendar
    offers a reply that nobody would read. Start and end are in the restaurant's zone, with its
    VTIMEZONE, so that they stay correct when the clocks change. `organizer` is an address. Raises
    KeyError for kinds that are not in METHODS.
    """
    method = METHODS[outgoing.kind]
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", method)
    start = _by_wall_clock(outgoing.starts_at, outgoing.restaurant.zone)
    end = _by_wall_clock(outgoing.ends_at, outgoing.restaurant.zone)
    described = b""
    if start.tzinfo is not UTC or end.tzinfo is not UTC:
        described = zone_text(outgoing.restaurant.zone, outgoing.starts_at.year)
    calendar.add_component(_event(outgoing, letter, method, organizer, start, end, now))
    # `described` is cached per zone and year; it must precede the event that refers to it
    text = bytes(calendar.to_ical())
    return text.replace(b"BEGIN:VEVENT", described + b"BEGIN:VEVENT", 1)


def _event(
    outgoing: Outgoing,
    letter: Letter,
    method: str,
    organizer: str,
    start: datetime,
    end: datetime,
    now: datetime,
) -> Event:
    restaurant = outgoing.restaurant
    link = manage_link(outgoing)
    event = Event()
    event.add("uid", uid(outgoing.reservation_id))
    event.add("sequence", outgoing.revision)
    event.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
    event.add("dtstamp", now)
    event.add("dtstart", start)
    event.add("dtend", end)
    event.add("summary", letter.event)
    event.add("location", one_line(", ".join(filter(None, (restaurant.name, restaurant.address)))))
    event.add("description", f"{outgoing.reference}\n{link}")
    event.add("url", link)
    event.add("transp", "OPAQUE")
    event.add("organizer", _person(organizer, restaurant.name))
    return event


def uid(reservation_id: int) -> str:
    """Return the event's UID, the same in every message about this reservation."""
    host = urlsplit(settings().public_url).hostname or "localhost"
    return f"reservation-{reservation_id}.maitred@{host}"


def _person(address: str, name: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{one_line(address)}")
    person.params["CN"] = vText(one_line(name))
    return person


def _by_wall_clock(moment: datetime, zone: str) -> datetime:
    """Return the moment in the restaurant's zone, or in UTC if its local time is ambiguous.

    In iCalendar an ambiguous local time means the first of the two; the second cannot be
    expressed. Some libraries (ical.js, libical) read it as the second.
    """
    local = moment.astimezone(ZoneInfo(zone))
    is_once = local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset()
    return local if is_once else moment.astimezone(UTC)
