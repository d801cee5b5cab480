"""Reservations as plain dicts, in the shapes of web/schemas/answers.py."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from models.core.errors import PartyInTheWay
from models.core.secrets.signing import manage_token
from models.core.settings import settings
from models.operations.reservations.booking import Accepted
from models.operations.tables.placing import Affected
from models.queries.book.shapes import BookReservation
from models.queries.reservations.reservations import ChangeView, ReservationView
from models.rules.deciding.board import shown_reason
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.requests import TableRequest
from models.rules.restaurant.restaurant import RestaurantSpec


def local_text(restaurant: RestaurantSpec, moment: datetime) -> str:
    """Return RFC 3339 text in the restaurant's time zone, with its offset."""
    return _text(moment.astimezone(UTC), restaurant.tz)


@lru_cache(maxsize=16_384)
def _text(moment: datetime, zone: ZoneInfo) -> str:
    # every stand reads the same times of a book again and again
    return moment.astimezone(zone).isoformat(timespec="seconds")


def manage_link(token: str) -> str:
    """Return the URL where a guest views, changes and cancels one reservation."""
    return f"{settings().public_url.rstrip('/')}/manage/{token}"


def requested_facts(
    restaurant: RestaurantSpec, accepted: Accepted, request: TableRequest, *, now: datetime
) -> dict[str, Any]:
    """Return a request that was just stored, without reading it back (RequestedOut)."""
    token = manage_token(accepted.reservation_id, accepted.link_secret)
    return {
        "id": str(accepted.reservation_id),
        "reference": accepted.reference,
        "status": Status.REQUESTED.value,
        "party_size": request.party_size,
        "start": local_text(restaurant, request.starts_at),
        "area": request.area_key,
        "restaurant": _restaurant(restaurant),
        "created_at": local_text(restaurant, now),
        "manage_url": manage_link(token),
        "manage_token": token,
    }


def requested_again(view: ReservationView) -> dict[str, Any]:
    """Return a replayed request in its current state (RequestedOut)."""
    facts = reservation_facts(view, for_staff=False)
    kept = (
        "id",
        "reference",
        "status",
        "party_size",
        "start",
        "area",
        "restaurant",
        "created_at",
        "manage_url",
        "manage_token",
    )
    return {name: facts[name] for name in kept}


def reservation_facts(view: ReservationView, *, for_staff: bool) -> dict[str, Any]:
    """Return a reservation as its guest or the staff may see it (ReservationOut).

    Staff do not get the manage link: whoever has it can act as the guest.
    """
    restaurant = view.restaurant
    facts = {
        "id": str(view.id),
        "reference": view.reference,
        "status": view.shown_status.value,
        "revision": view.revision if for_staff else view.guest_revision,
        "party_size": view.party_size,
        "start": local_text(restaurant, view.starts_at),
        "end": local_text(restaurant, view.ends_at),
        "area": view.area_key,
        "restaurant": _restaurant(restaurant),
        "guest": {
            "name": view.guest_name,
            "email": view.guest_email,
            "phone": view.guest_phone,
            "locale": view.guest_locale,
        },
        "needs": list(view.wants.needs),
        "wishes": list(view.wants.wishes),
        "note": view.note,
        "reason": view.reason if for_staff else shown_reason(view.reason),
        "alternatives": [local_text(restaurant, moment) for moment in view.alternatives],
        "change": _change(view, for_staff=for_staff),
        "created_at": local_text(restaurant, view.created_at),
        "decided_at": None if view.decided_at is None else local_text(restaurant, view.decided_at),
        "confirm_by": None if view.confirm_by is None else local_text(restaurant, view.confirm_by),
        "approve_by": None if view.approve_by is None else local_text(restaurant, view.approve_by),
        "manage_url": None,
        "manage_token": None,
    }
    if for_staff:
        return facts | {
            "tables": list(view.tables),
            "source": view.source,
            "staff_note": view.staff_note,
            "tables_locked": view.tables_locked,
            "spend": money(view.spend),
            "turn_minutes": view.turn_minutes,
            **party_facts(restaurant, view),
        }
    token = manage_token(view.id, view.link_secret)
    return facts | {"manage_url": manage_link(token), "manage_token": token}


def money(hundredths: int | None) -> str | None:
    """Return an amount as a decimal: `128.50`."""
    return None if hundredths is None else f"{hundredths // 100}.{hundredths % 100:02}"


def party_in_the_way(party: PartyInTheWay) -> dict[str, Any]:
    """Return a party that keeps others from its tables (PartyInTheWayOut)."""
    return {
        "id": str(party.reservation_id),
        "reference": party.reference,
        "status": party.status,
        "party_size": party.party_size,
        "start": party.starts_at.isoformat(timespec="seconds"),
        "end": party.ends_at.isoformat(timespec="seconds"),
        "tables": list(party.tables),
        "why": party.why,
    }


def party_facts(
    restaurant: RestaurantSpec, view: ReservationView | BookReservation
) -> dict[str, Any]:
    """Return what only the staff know of a party: details, when it comes, how many are here."""
    details, expected = view.details, view.expected_at
    return {
        "details": {
            "allergies": details.allergies,
            "occasion": details.occasion,
            "vip": details.vip,
            "tags": list(details.tags),
        },
        "expected_at": None if expected is None else local_text(restaurant, expected),
        "arrived_covers": view.arrived_covers,
    }


def _change(view: ReservationView, *, for_staff: bool) -> dict[str, Any] | None:
    if view.change is None:
        return None
    facts = change_facts(view.restaurant, view.change)
    return facts if for_staff else facts | {"reason": shown_reason(view.change.reason)}


def change_facts(restaurant: RestaurantSpec, change: ChangeView) -> dict[str, Any]:
    """Return a change request and its outcome (ChangeOut)."""
    return {
        "id": str(change.id),
        "status": change.status,
        "party_size": change.party_size,
        "start": local_text(restaurant, change.starts_at),
        "area": change.area_key,
        "reason": change.reason,
        "alternatives": [local_text(restaurant, moment) for moment in change.alternatives],
    }


def _restaurant(restaurant: RestaurantSpec) -> dict[str, str]:
    return {
        "slug": restaurant.slug,
        "name": restaurant.name,
        "zone": restaurant.zone,
        "phone": restaurant.phone,
    }


def affected_party(restaurant: RestaurantSpec, party: Affected) -> dict[str, Any]:
    """Return another party that an act on tables concerned (AffectedOut)."""
    return {
        "id": str(party.reservation_id),
        "reference": party.reference,
        "party_size": party.party_size,
        "start": local_text(restaurant, party.starts_at),
        "end": local_text(restaurant, party.ends_at),
        "from_tables": list(party.before),
        "to_tables": list(party.after),
        "cut": party.cut,
    }
