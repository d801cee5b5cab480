"""The list at the door and the waitlist of a date as plain dicts, in the shapes of schemas/door."""

from datetime import date, datetime
from typing import Any

from flask import url_for

from models.core.settings import settings
from models.entities.reservations import Reservation
from models.entities.sealed_guest import Guest
from models.queries.door.accuracy import Accuracy, waited_minutes
from models.queries.door.view import DoorView
from models.queries.door.waiting import InLine
from models.queries.door.waitlist import WaitsForDate
from models.rules.door.quotes import Quote
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.shapes import local_text


def join_url(restaurant: RestaurantSpec) -> str:
    """Return the URL of the page where guests join the list."""
    return settings().public_url.rstrip("/") + url_for("door_page.show", slug=restaurant.slug)


def door_facts(restaurant: RestaurantSpec, view: DoorView) -> dict[str, Any]:
    """Return the list (DoorOut)."""
    return {
        "restaurant": restaurant.slug,
        "is_open": view.shut is None,
        "closed_because": view.shut.value if view.shut else None,
        "join_url": join_url(restaurant),
        "most_parties": restaurant.policies.door_parties,
        "entries": [entry_facts(restaurant, each, now=view.now) for each in view.line],
        "waits": [
            {"party_size": size, "wait": quote_facts(wait)} for size, wait in view.waits.items()
        ],
        "accuracy": accuracy_facts(view.accuracy),
    }


def entry_facts(restaurant: RestaurantSpec, each: InLine, *, now: datetime) -> dict[str, Any]:
    """Return one party on the list (DoorEntryOut)."""
    row, entry = each.row, each.entry
    waited = waited_minutes(entry.joined_at, entry.served_at or now)
    told = entry.quoted_high is not None and waited > entry.quoted_high
    labels = {table.id: table.label for table in restaurant.tables}
    return {
        "id": str(row.id),
        "reference": row.reference,
        "status": row.status,
        "revision": row.revision,
        "place": each.place,
        **_party(restaurant, row),
        "by_guest": entry.by_guest,
        "joined_at": local_text(restaurant, entry.joined_at),
        "waited_minutes": waited,
        "quoted": _quoted(entry.quoted_low, entry.quoted_high),
        "is_quote_exceeded": told,
        "wait": quote_facts(each.wait),
        "ready_at": _maybe(restaurant, entry.ready_at),
        "ready_until": _maybe(restaurant, entry.ready_until),
        "tables": [labels.get(table, f"#{table}") for table in entry.ready_tables or ()],
        "missed_at": _maybe(restaurant, entry.missed_at),
    }


def quote_facts(quote: Quote | None) -> dict[str, int] | None:
    """Return a wait (QuoteOut)."""
    return None if quote is None else {"low": quote.low, "high": quote.high}


def accuracy_facts(found: Accuracy) -> dict[str, Any]:
    """Return quotes against the truth (AccuracyOut)."""
    return {
        "parties": found.parties,
        "within": found.within,
        "late": found.late,
        "early": found.early,
        "minutes_off": found.minutes_off,
        "median_wait": found.median_wait,
    }


def waitlist_facts(
    restaurant: RestaurantSpec, on_date: date, waiting: list[WaitsForDate]
) -> dict[str, Any]:
    """Return the waitlist of a date (WaitlistOut)."""
    return {
        "date": on_date.isoformat(),
        "restaurant": restaurant.slug,
        "entries": [
            {
                "id": str(each.row.id),
                "reference": each.row.reference,
                "revision": each.row.revision,
                "place": place,
                **_party(restaurant, each.row),
                "start": local_text(restaurant, each.row.starts_at),
                "reason": each.row.reason,
                "created_at": local_text(restaurant, each.row.created_at),
                "passed_over": [
                    {"at": local_text(restaurant, one.at), "actor": one.actor, "why": one.why}
                    for one in each.passed_over
                ],
            }
            for place, each in enumerate(waiting, start=1)
        ],
    }


def _party(restaurant: RestaurantSpec, row: Reservation) -> dict[str, Any]:
    guest: Guest = row.guest
    area = restaurant.area_by_id.get(row.area_id or 0)
    return {
        "party_size": row.party_size,
        "area": area.key if area else None,
        "guest": {
            "name": guest.name,
            "email": guest.email,
            "phone": guest.phone,
            "locale": row.guest_locale,
        },
        "note": guest.note,
        "staff_note": row.staff_note,
    }


def _quoted(low: int | None, high: int | None) -> dict[str, int] | None:
    return None if low is None or high is None else {"low": low, "high": high}


def _maybe(restaurant: RestaurantSpec, moment: datetime | None) -> str | None:
    return None if moment is None else local_text(restaurant, moment)
