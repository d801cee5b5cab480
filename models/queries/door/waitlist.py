"""The host's side of the waitlist of a date: who waits for it, and who was passed over, and why."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.reservations import Reservation, ReservationMove
from models.entities.shifts import ShiftDay
from models.queries.guest_book.vips import vips_among
from models.rules.messages.notifying import PASSED_REASON
from models.rules.reservations.lifecycle import DOOR, Status
from models.rules.restaurant.restaurant import RestaurantSpec


@dataclass(frozen=True, slots=True)
class PassedOver:
    """One time that a party was passed over. `why` is empty once the guest was erased."""

    at: datetime
    actor: str
    why: str


@dataclass(frozen=True, slots=True)
class WaitsForDate:
    """A party on the waitlist of a date."""

    row: Reservation
    passed_over: tuple[PassedOver, ...]


def waitlist_of(
    session: Session, restaurant: RestaurantSpec, service_date: date
) -> list[WaitsForDate]:
    """Return who waits for that date, in order: of arrival, VIPs first where it is wanted.

    Two queries, and one more where VIPs come first.
    """
    query = (
        select(Reservation)
        .join(ShiftDay, ShiftDay.id == Reservation.book_id)
        .where(
            ShiftDay.restaurant_id == restaurant.id,
            ShiftDay.service_date == service_date,
            Reservation.status == Status.WAITLISTED,
            Reservation.source != DOOR,
        )
        .order_by(Reservation.id)
        .execution_options(populate_existing=True)
    )
    rows = session.scalars(query).all()
    if restaurant.policies.vip_first:
        vips = vips_among(session, [row.id for row in rows])
        rows = sorted(rows, key=lambda row: row.id not in vips)
    passes = _passes(session, [row.id for row in rows])
    return [WaitsForDate(row, tuple(passes[row.id])) for row in rows]


def _passes(session: Session, ids: Sequence[int]) -> dict[int, list[PassedOver]]:
    move = ReservationMove
    query = (
        select(move.reservation_id, move.at, move.actor, move.detail)
        .where(move.reservation_id.in_(ids), move.reason == PASSED_REASON)
        .order_by(move.id)
    )
    found: dict[int, list[PassedOver]] = defaultdict(list)
    for number, at, actor, detail in session.execute(query):
        found[number].append(PassedOver(at, actor, str((detail or {}).get("why", ""))))
    return found
