"""The current consents of a guest."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.errors import NotFound
from models.entities.privacy import Consent
from models.entities.reservations import Reservation
from models.queries.floor.load import restaurant_by_id
from models.rules.reservations.requests import MARKETING
from models.rules.restaurant.restaurant import RestaurantSpec


@dataclass(frozen=True, slots=True)
class ConsentView:
    """The latest choice for one contact."""

    channel: str
    purpose: str
    given: bool
    at: datetime
    source: str
    wording: str


def consents_of(
    session: Session, restaurant_id: int, contacts: Collection[bytes | None]
) -> list[ConsentView]:
    """Return the latest choice, if any, for each of these contacts, e-mail first."""
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


def confirmed_channels(row: Reservation) -> set[str]:
    """Return the channels whose contact has opened its link, or was recorded by the staff."""
    if row.source != "online":
        return {"email", "sms"}
    proofs = {"email": row.email_proved_at, "sms": row.phone_proved_at}
    return {channel for channel, since in proofs.items() if since is not None}


def consents_of_reservation(
    session: Session, reservation_id: int, *, for_guest: bool = False
) -> tuple[RestaurantSpec, list[ConsentView]]:
    """Return the restaurant, and the latest choices for a reservation's contacts. Raises NotFound.

    `for_guest`: for a contact that is not confirmed, the holder of the link sees only what was
    chosen with this reservation.
    """
    row = session.get(Reservation, reservation_id)
    if row is None:
        raise NotFound("there is no such reservation")
    restaurant = restaurant_by_id(session, row.restaurant_id)
    keys = {"email": row.email_key, "sms": row.phone_key}
    if not for_guest:
        return restaurant, consents_of(session, restaurant.id, keys.values())
    proved = confirmed_channels(row)
    known = consents_of(session, restaurant.id, [keys[channel] for channel in proved])
    said = (row.terms or {}).get("marketing")
    waiting = [channel for channel, key in keys.items() if key and channel not in proved]
    if said:
        given = (said["given"], row.created_at, said["source"], said["wording"])
        known += [ConsentView(channel, MARKETING, *given) for channel in waiting]
    return restaurant, sorted(known, key=lambda view: (view.channel, view.at))
