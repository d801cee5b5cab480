"""What a guest has consented to, as it stands."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.errors import NotFound
from models.entities.privacy import Consent
from models.entities.reservations import Reservation
from models.queries.floor import house_by_id
from models.rules.house import House


@dataclass(frozen=True, slots=True)
class ConsentView:
    """The last word on one contact."""

    channel: str
    purpose: str
    given: bool
    at: datetime
    source: str
    wording: str


def consents_of(
    session: Session, restaurant_id: int, contacts: Collection[bytes | None]
) -> list[ConsentView]:
    """The last word on each of these contacts, e-mail first. None where nothing was ever said."""
    keys = {key for key in contacts if key}
    if not keys:
        return []
    query = (
        select(Consent)
        .where(Consent.restaurant_id == restaurant_id, Consent.contact.in_(keys))
        .order_by(Consent.id)  # the last one stays
    )
    last = {(row.contact, row.purpose): row for row in session.scalars(query)}
    found = [
        ConsentView(row.channel, row.purpose, row.given, row.at, row.source, row.wording)
        for row in last.values()
    ]
    return sorted(found, key=lambda view: (view.channel, view.at))


def consents_of_reservation(
    session: Session, reservation_id: int
) -> tuple[House, list[ConsentView]]:
    """The restaurant, and the last word on the contacts of its reservation. Raises NotFound."""
    row = session.get(Reservation, reservation_id)
    if row is None:
        raise NotFound("there is no such reservation")
    house = house_by_id(session, row.restaurant_id)
    return house, consents_of(session, house.id, [row.email_key, row.phone_key])
