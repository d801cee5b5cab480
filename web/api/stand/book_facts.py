"""The book of a day as plain dicts, in the shapes of web/schemas/book.py."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from models.queries.book.shapes import (
    BookMessage,
    BookReservation,
    BookShift,
    BookTable,
    BookView,
    Interval,
)
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.shapes import change_facts, local_text, party_facts


def book_facts(restaurant: RestaurantSpec, view: BookView) -> dict[str, Any]:
    """Return a day of the book (BookOut)."""
    return {
        "date": view.service_date.isoformat(),
        "restaurant": restaurant.slug,
        "zone": restaurant.zone,
        "revision": view.revision,
        "shifts": [_shift(restaurant, shift) for shift in view.shifts],
        "tables": [_table(restaurant, table) for table in view.tables],
        "reservations": [_reservation(restaurant, row) for row in view.reservations],
    }


def _shift(restaurant: RestaurantSpec, shift: BookShift) -> dict[str, Any]:
    return {
        "key": shift.key,
        "name": shift.name,
        "is_open": shift.is_open,
        "revision": shift.revision,
        "covers": shift.covers,
        "parties": shift.parties,
        "waitlisted": shift.waitlisted,
        "pacing": asdict(shift.pacing),
        "intervals": [_interval(restaurant, each) for each in shift.intervals],
    }


def _interval(restaurant: RestaurantSpec, interval: Interval) -> dict[str, Any]:
    return {
        "start": local_text(restaurant, interval.starts_at),
        "covers": interval.covers,
        "parties": interval.parties,
        "online_covers": interval.online_covers,
        "pacing": asdict(interval.pacing),
    }


def _table(restaurant: RestaurantSpec, table: BookTable) -> dict[str, Any]:
    return {
        "label": table.label,
        "area": table.area_key,
        "min_party": table.min_party,
        "max_party": table.max_party,
        "seatings": [
            {
                "reservation_id": str(seating.reservation_id),
                "reference": seating.reference,
                "status": seating.status.value,
                "party_size": seating.party_size,
                "start": local_text(restaurant, seating.starts_at),
                "end": local_text(restaurant, seating.ends_at),
            }
            for seating in table.seatings
        ],
        "blocks": [
            {
                "block_id": str(block.block_id),
                "start": local_text(restaurant, block.starts_at),
                "end": local_text(restaurant, block.ends_at),
                "reason": block.reason,
            }
            for block in table.blocks
        ],
    }


def _reservation(restaurant: RestaurantSpec, row: BookReservation) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "reference": row.reference,
        "status": row.shown_status.value,
        "revision": row.revision,
        "shift": row.shift_key,
        "party_size": row.party_size,
        "start": local_text(restaurant, row.starts_at),
        "end": local_text(restaurant, row.ends_at),
        "area": row.area_key,
        "tables": list(row.tables),
        "tables_locked": row.tables_locked,
        "guest": {
            "name": row.guest_name,
            "email": row.guest_email,
            "phone": row.guest_phone,
            "locale": row.guest_locale,
        },
        "needs": list(row.wants.needs),
        "wishes": list(row.wants.wishes),
        "note": row.note,
        "staff_note": row.staff_note,
        **party_facts(restaurant, row),
        "source": row.source,
        "pacing_forced": row.pacing_forced,
        "reason": row.reason,
        "is_late": row.is_late,
        "overstays_minutes": row.overstays_minutes,
        "warnings": list(row.warnings),
        "approve_by": _maybe(restaurant, row.approve_by),
        "created_at": local_text(restaurant, row.created_at),
        "arrived_at": _maybe(restaurant, row.arrived_at),
        "seated_at": _maybe(restaurant, row.seated_at),
        "finished_at": _maybe(restaurant, row.finished_at),
        "messages": [message_facts(restaurant, message) for message in row.messages],
        "change": None if row.change is None else change_facts(restaurant, row.change),
    }


def message_facts(restaurant: RestaurantSpec, message: BookMessage) -> dict[str, Any]:
    """Return one message (BookMessageOut)."""
    return {
        "kind": message.kind,
        "channel": message.channel,
        "state": message.state,
        "due_at": local_text(restaurant, message.due_at),
        "sent_at": _maybe(restaurant, message.sent_at),
        "error": message.error,
    }


def _maybe(restaurant: RestaurantSpec, moment: datetime | None) -> str | None:
    return None if moment is None else local_text(restaurant, moment)
