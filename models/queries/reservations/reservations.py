"""One reservation, as guests and staff may see it."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models.core.errors import NotFound
from models.entities.floor import DiningTable
from models.entities.parties import Details
from models.entities.reservations import Assignment, Reservation, ReservationChange
from models.queries.floor.load import restaurant_by_id
from models.rules.reservations.lifecycle import HOLDING, Status, shown_status
from models.rules.restaurant.features import Wants
from models.rules.restaurant.restaurant import RestaurantSpec


@dataclass(frozen=True, slots=True)
class ChangeView:
    """The last change request and its outcome."""

    id: int
    status: str
    party_size: int
    starts_at: datetime
    area_key: str | None
    reason: str | None
    alternatives: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class ReservationView:
    """A reservation with its restaurant, tables and last change request. Times are UTC."""

    restaurant: RestaurantSpec
    id: int
    reference: str
    status: Status
    #: the row's own revision, for the staff; and the guest's
    revision: int
    guest_revision: int
    party_size: int
    starts_at: datetime
    ends_at: datetime
    area_key: str | None
    source: str
    waitlist: bool
    guest_name: str
    guest_email: str | None
    guest_phone: str | None
    guest_locale: str
    note: str
    staff_note: str
    details: Details
    expected_at: datetime | None
    arrived_covers: int | None
    spend: int | None
    reason: str | None
    alternatives: tuple[datetime, ...]
    tables: tuple[str, ...]
    tables_locked: bool
    turn_minutes: int | None
    wants: Wants
    change: ChangeView | None
    created_at: datetime
    decided_at: datetime | None
    cancel_cutoff_minutes: int
    #: the deadline for confirmation by the link; None: none is needed
    confirm_by: datetime | None
    #: the deadline for the staff's approval; None: it needs none, or has it
    approve_by: datetime | None
    #: the secret in the guest's manage token; for nobody else
    link_secret: bytes | None = field(repr=False)

    @property
    def shown_status(self) -> Status:
        """The status as guests and staff see it."""
        return shown_status(self.status, self.approve_by)


def reservation_view(session: Session, reservation_id: int) -> ReservationView:
    """Return the current reservation. Four queries. Raises NotFound."""
    known = joinedload(Reservation.party)
    row = session.get(Reservation, reservation_id, populate_existing=True, options=[known])
    if row is None:
        raise NotFound("there is no such reservation")
    restaurant, guest = restaurant_by_id(session, row.restaurant_id), row.guest
    return ReservationView(
        restaurant=restaurant,
        id=row.id,
        reference=row.reference,
        status=Status(row.status),
        revision=row.revision,
        guest_revision=row.guest_revision,
        party_size=row.party_size,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        area_key=_area_key(restaurant, row.area_id),
        source=row.source,
        waitlist=row.waitlist,
        guest_name=guest.name,
        guest_email=guest.email,
        guest_phone=guest.phone,
        guest_locale=row.guest_locale,
        note=guest.note,
        staff_note=row.staff_note,
        details=row.details,
        expected_at=row.expected_at,
        arrived_covers=row.arrived_covers,
        spend=row.spend,
        reason=row.reason,
        alternatives=_moments(row.alternatives),
        tables=_tables(session, row),
        tables_locked=row.tables_locked,
        turn_minutes=row.turn_minutes,
        wants=row.wants,
        change=_last_change(session, restaurant, row.id),
        created_at=row.created_at,
        decided_at=row.decided_at,
        cancel_cutoff_minutes=int((row.terms or {}).get("cancel_cutoff_minutes", 0)),
        confirm_by=row.confirm_by if row.status == Status.CONFIRMED else None,
        approve_by=row.approve_by if row.status == Status.CONFIRMED else None,
        link_secret=row.link_secret,
    )


def _tables(session: Session, row: Reservation) -> tuple[str, ...]:
    if Status(row.status) not in HOLDING | {Status.FINISHED}:
        return ()
    query = (
        select(DiningTable.label)
        .join(Assignment, Assignment.dining_table_id == DiningTable.id)
        .where(Assignment.reservation_id == row.id)
        .order_by(DiningTable.id)
    )
    return tuple(session.scalars(query))


def _last_change(
    session: Session, restaurant: RestaurantSpec, reservation_id: int
) -> ChangeView | None:
    query = (
        select(ReservationChange)
        .where(
            ReservationChange.reservation_id == reservation_id,
            ReservationChange.status != "superseded",
        )
        .order_by(ReservationChange.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )
    row = session.scalars(query).one_or_none()
    if row is None:
        return None
    return ChangeView(
        id=row.id,
        status=row.status,
        party_size=row.party_size,
        starts_at=row.starts_at,
        area_key=_area_key(restaurant, row.area_id),
        reason=row.reason,
        alternatives=_moments(row.alternatives),
    )


def _area_key(restaurant: RestaurantSpec, area_id: int | None) -> str | None:
    area = restaurant.area_by_id.get(area_id or 0)
    return area.key if area else None


def _moments(values: list[str] | None) -> tuple[datetime, ...]:
    return tuple(datetime.fromisoformat(value) for value in values or ())
