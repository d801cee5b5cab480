"""A second table near a first: the answers to the request and to the guest.

Anybody may make a request in a guest's name, so only a caller with the link to the first
reservation learns of it. All others get the answer of a full restaurant; the link is sent to the
guest's own contact.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.core.errors import AlreadyBooked, SignInFailed
from models.core.secrets.signing import ManageToken, contact_key, read_manage_token
from models.entities.messages import Message
from models.entities.reservations import Reservation
from models.queries.reservations.links import opens
from models.rules.messages.notifying import Kind
from models.rules.messages.outbox import message_rows
from models.rules.reservations.lifecycle import HOLDING, Status
from models.rules.reservations.requests import TableRequest
from models.rules.restaurant.policies import same_guest_conflict
from models.rules.restaurant.restaurant import RestaurantSpec

#: Further links are ignored.
LINKS_MOST: Final = 4
_HAS_ONE: Final = sorted(status.value for status in HOLDING | {Status.REQUESTED})
_ROW = table_of(Reservation).c


def refuse_second(
    connection: Connection,
    restaurant: RestaurantSpec,
    request: TableRequest,
    links: Sequence[str],
    *,
    now: datetime,
) -> None:
    """Raise AlreadyBooked if one of these manage tokens opens a reservation too near this start.

    It must be a reservation of the same guest. A waitlisted guest may request another start; only
    the same start counts as already booked. Without a readable token no statement is executed,
    otherwise one.
    """
    known = {link.reservation_id: (token, link) for token, link in _readable(links)}
    contacts = {contact_key(request.guest.email), contact_key(request.guest.phone)} - {None}
    if not known or not contacts:
        return
    query = select(*_COLUMNS).where(_ROW.id.in_(known), _ROW.restaurant_id == restaurant.id)
    for row in connection.execute(query.order_by(_ROW.id)):
        token, link = known[row.id]
        has_one = row.status in _HAS_ONE and same_guest_conflict(
            restaurant.policies, row.starts_at, other=request.starts_at
        )
        waits = row.status == Status.WAITLISTED and row.starts_at == request.starts_at
        if not (has_one or waits) or contacts.isdisjoint((row.email_key, row.phone_key)):
            continue
        if opens(link, row.link_secret, ends_at=row.ends_at, now=now):
            asked = (request.starts_at, request.party_size)
            raise AlreadyBooked(row.id, token, is_same=asked == (row.starts_at, row.party_size))


_COLUMNS = (
    _ROW.id,
    _ROW.status,
    _ROW.starts_at,
    _ROW.ends_at,
    _ROW.party_size,
    _ROW.email_key,
    _ROW.phone_key,
    _ROW.link_secret,
)


def _readable(links: Sequence[str]) -> Iterable[tuple[str, ManageToken]]:
    for token in links[:LINKS_MOST]:
        try:
            yield token, read_manage_token(token)
        except SignInFailed:  # forged, or its key is gone: it authorizes nothing
            continue


def links_to_first(
    session: Session, firsts: Mapping[int, str], *, now: datetime
) -> list[dict[str, Any]]:
    """Return messages with the link to each of these reservations.

    `firsts`: reservation id -> the channel of the contact that asked for a second table. Sent once
    for each reservation, ever: repeated requests do not bother the guest.
    """
    if not firsts:
        return []
    said = select(Message.reservation_id).where(
        Message.reservation_id.in_(firsts), Message.kind == Kind.ALREADY_BOOKED
    )
    before = set(session.scalars(said))
    rows = select(_ROW.id, _ROW.restaurant_id, _ROW.revision).where(
        _ROW.id.in_(firsts.keys() - before), _ROW.status.in_(sorted(HOLDING))
    )
    return [
        values
        for row in session.execute(rows.order_by(_ROW.id))
        for values in message_rows(
            Kind.ALREADY_BOOKED,
            restaurant_id=row.restaurant_id,
            reservation_id=row.id,
            revision=row.revision,
            by=(firsts[row.id],),
            now=now,
        )
    ]
