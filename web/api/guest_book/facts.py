"""The guest book as plain dicts, in the shapes of web/schemas/guest_book.py."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from models.entities.reservations import Reservation
from models.queries.guest_book.record import RecordView
from models.queries.guest_book.search import FoundRecord
from models.queries.guest_book.standing import OnlineRefused
from models.queries.guest_book.stats import GuestStats
from models.queries.guests.consents import ConsentView
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.shapes import local_text, money

_DIGITS_SHOWN = 4


def hit_facts(restaurant: RestaurantSpec, found: FoundRecord) -> dict[str, Any]:
    """Return a guest of a search (GuestHitOut)."""
    contacts = dict(reversed(found.contacts))  # the first of each channel
    email, phone = contacts.get("email"), contacts.get("sms")
    stats = _stats(restaurant, found.stats)
    del stats["cancelled"]
    return {
        "id": str(found.record.id),
        "name": found.profile.shown_name,
        "email": masked_email(email) if email else None,
        "phone": f"...{phone[-_DIGITS_SHOWN:]}" if phone else None,
        "vip": found.record.vip,
        "blocked": found.record.blocked_at is not None,
        "tags": list(found.profile.tags),
        "allergies": found.profile.allergies,
        **stats,
    }


def masked_email(email: str) -> str:
    """Return the address with the first letter of its local part alone."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}...@{domain}"


def record_facts(
    restaurant: RestaurantSpec,
    view: RecordView,
    names: Mapping[str, str],
    refused: Sequence[OnlineRefused],
) -> dict[str, Any]:
    """Return an opened record (GuestRecordOut). `names`: actor -> name of the account.

    `refused`: why the guest cannot book online.
    """
    profile = view.profile
    return {
        "id": str(view.record.id),
        "revision": view.record.revision,
        "name": profile.shown_name if profile else "(unreadable)",
        "names": list(view.names),
        "contacts": [
            {"channel": each.channel, "contact": each.text, "confirmed": each.confirmed}
            for each in view.contacts
        ],
        "vip": view.record.vip,
        "tags": list(profile.tags) if profile else [],
        "allergies": profile.allergies if profile else "",
        "blocked_at": _moment(restaurant, view.record.blocked_at),
        "block_reason": profile.block_reason if profile else "",
        "limit_lifted_at": _moment(restaurant, view.record.limit_lifted_at),
        "online_refused": next(iter(refused), None),
        **_stats(restaurant, view.stats),
        "spend": money(view.stats.spend if view.stats.spend_visits else None),
        "spend_average": money(view.stats.spend_average),
        "notes": [
            {
                "id": str(each.id),
                "at": local_text(restaurant, each.at),
                "actor": each.actor,
                "author": names.get(each.actor),
                "text": each.text,
            }
            for each in view.notes
        ],
        "reservations": [_visit(restaurant, view, row) for row in view.reservations],
        "consents": [_consent(restaurant, each) for each in view.consents],
        "merged": [str(number) for number in view.merged],
        "alike": [str(number) for number in view.alike],
        "history": _history(restaurant, view, names),
    }


def _history(
    restaurant: RestaurantSpec, view: RecordView, names: Mapping[str, str]
) -> list[dict[str, Any]]:
    return [
        {
            "at": local_text(restaurant, each.at),
            "actor": each.actor,
            "author": names.get(each.actor),
            "action": each.action,
            "guest": str(each.guest_id),
            "detail": each.detail,
        }
        for each in view.history
    ]


def _visit(restaurant: RestaurantSpec, view: RecordView, row: Reservation) -> dict[str, Any]:
    day = view.dates.get(row.book_id)
    return {
        "id": str(row.id),
        "reference": row.reference,
        "status": row.status,
        "date": day.isoformat() if day else None,
        "spend": money(row.spend),
        "party_size": row.party_size,
        "start": local_text(restaurant, row.starts_at),
        "source": row.source,
    }


def _consent(restaurant: RestaurantSpec, view: ConsentView) -> dict[str, Any]:
    return {
        "channel": view.channel,
        "purpose": view.purpose,
        "given": view.given,
        "at": local_text(restaurant, view.at),
        "source": view.source,
        "wording": view.wording,
    }


def _stats(restaurant: RestaurantSpec, stats: GuestStats) -> dict[str, Any]:
    return {
        "visits": stats.visits,
        "no_shows": stats.no_shows,
        "cancelled": stats.cancelled,
        "upcoming": stats.upcoming,
        "last_visit": _moment(restaurant, stats.last_visit),
        "next_visit": _moment(restaurant, stats.next_visit),
    }


def _moment(restaurant: RestaurantSpec, moment: datetime | None) -> str | None:
    return None if moment is None else local_text(restaurant, moment)
