"""The calendar file of a reservation: one event, which a later message changes or takes away."""

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

#: The kinds that put the event into the guest's calendar, or take it out.
METHODS: Final[Mapping[str, str]] = {
    Kind.CONFIRMATION: "PUBLISH",
    Kind.CHANGED: "PUBLISH",
    Kind.CANCELLED: "CANCEL",
}
_PRODUCT = "-//Maitred//Reservations//EN"


def calendar_file(outgoing: Outgoing, letter: Letter, *, organizer: str, now: datetime) -> bytes:
    """RFC 5545 and 5546: UID from the reservation, SEQUENCE its revision. Published, not asked for
    (ADR 16): it names no attendee, so that no calendar offers an answer that nobody reads.

    Start and end stand in the restaurant's zone with its VTIMEZONE, so that they stay right when
    the clocks change. `organizer` is an address. For kinds in METHODS alone (KeyError otherwise).
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
    # the zone's text is made once a year and zone; it belongs before the event that names it
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
    """The event's identity: the same in every message about this reservation."""
    host = urlsplit(settings().public_url).hostname or "localhost"
    return f"reservation-{reservation_id}.maitred@{host}"


def _person(address: str, name: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{one_line(address)}")
    person.params["CN"] = vText(one_line(name))
    return person


def _by_wall_clock(moment: datetime, zone: str) -> datetime:
    """The moment in the restaurant's zone; in UTC where the clock shows that hour twice.

    A local time in iCalendar means the first of the two and has no way to say the second; and
    some calendars (ical.js, libical) take it for the second.
    """
    local = moment.astimezone(ZoneInfo(zone))
    is_once = local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset()
    return local if is_once else moment.astimezone(UTC)
