"""The data needed to render and send a claimed message."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from models.core.errors import DecryptionFailed
from models.entities.door import DoorEntry
from models.entities.floor import Area, Restaurant
from models.entities.messages import Message
from models.entities.reservations import Reservation
from models.entities.sealed_guest import Guest, open_contact
from models.queries.messages.changes import (
    Refused,
    RefusedChange,
    host_texts,
    last_changes,
    moments,
    refused_change_of,
    refused_changes,
)
from models.rules.deciding.board import Reason
from models.rules.messages.notifying import (
    APPROVED_REASON,
    CHANGED_REASON,
    PROVED_REASON,
    REFUSED_REASON,
    Kind,
)
from models.rules.messages.sending import VOID_AFTER_CHANGE, Standing
from models.rules.reservations.contact_edits import EMAIL

#: Prefix of the error of a message that may have gone out without an answer.
ANSWER_LOST: Final = "unsure: "
#: A message to a party at the door, other than a call, is of use for so long.
_DOOR_LASTS: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Card:
    """The restaurant's data in messages to guests."""

    name: str
    slug: str
    zone: str
    locale: str
    email: str
    phone: str
    address: str
    id: int
    #: text messages go only to these countries; empty: to all
    sms_countries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One claimed message, with everything needed to render and send it.

    Contact data is left out of the repr, so that it reaches no log.
    """

    id: int
    claim: str
    kind: str
    channel: str
    variant: int
    attempts: int
    told_revision: int
    created_at: datetime

    reservation_id: int
    reference: str
    revision: int
    status: str
    party_size: int
    starts_at: datetime
    ends_at: datetime
    area: str | None
    reason: str | None
    alternatives: tuple[datetime, ...]
    changed_revision: int
    wish: RefusedChange | None

    restaurant: Card
    guest_locale: str
    guest_name: str = field(repr=False)
    guest_email: str | None = field(repr=False)
    guest_phone: str | None = field(repr=False)
    note: str = field(repr=False)
    #: decryption failed: there is no address to write to
    unreadable: bool = False
    last_error: str = ""
    #: the secret in the guest's link
    link_secret: bytes | None = field(default=None, repr=False)
    #: the contact was recorded by the staff, or has opened the link sent to it
    is_proved: bool = True
    confirm_by: datetime | None = None
    #: the staff have until then to approve the request
    approve_by: datetime | None = None
    #: on the list at the door; called to its table, and has until then to come
    at_door: bool = False
    ready_until: datetime | None = None
    #: what the host wrote to the guests of this act
    host_text: str = ""

    @property
    def was_lost(self) -> bool:
        """Whether an earlier attempt handed it over and the answer was lost."""
        return self.last_error.startswith(ANSWER_LOST)

    @property
    def standing(self) -> Standing:
        """The values that the rules of sending judge."""
        return Standing(
            kind=self.kind,
            told_revision=self.told_revision,
            changed_revision=self.changed_revision,
            status=self.status,
            starts_at=self.starts_at,
            ends_at=self._ends_at,
            zone=self.restaurant.zone,
            awaits_approval=self.approve_by is not None,
        )

    @property
    def _ends_at(self) -> datetime:
        """When the message comes too late: a party at the door may wait longer than its turn."""
        if self.kind == Kind.TABLE_READY:
            return self.ready_until or self.created_at
        return max(self.ends_at, self.created_at + _DOOR_LASTS) if self.at_door else self.ends_at

    @property
    def first_due_at(self) -> datetime:
        """The earliest time of a first attempt, whatever delays moved `due_at`."""
        if self.kind == Kind.REMINDER:
            return max(self.created_at, self.starts_at - timedelta(minutes=self.variant))
        return self.created_at


def load_claimed(session: Session, claim: str, *, only: int | None = None) -> list[Outgoing]:
    """Return the claim's messages (or `only` one), oldest first, in at most four queries.

    A message whose reservation or restaurant no longer exists is left out.
    """
    mine = and_(Message.claim == claim, Message.state == "sending")
    return _load(session, mine if only is None else and_(mine, Message.id == only))


def load_failed(session: Session, ids: Collection[int]) -> list[Outgoing]:
    """Return the failed ones of these messages, in the form of `load_claimed`."""
    return _load(session, and_(Message.id.in_(ids), Message.state == "failed"))


def _load(session: Session, which: ColumnElement[bool]) -> list[Outgoing]:
    query = (
        select(Message, Reservation, Restaurant, Area.name, DoorEntry)
        .join(Reservation, Reservation.id == Message.reservation_id)
        .join(Restaurant, Restaurant.id == Message.restaurant_id)
        .outerjoin(Area, Area.id == Reservation.area_id)
        .outerjoin(DoorEntry, DoorEntry.reservation_id == Reservation.id)
        .where(which)
        .order_by(Message.due_at, Message.id)
    )
    found = session.execute(query).all()
    changed = last_changes(session, _ids(found, VOID_AFTER_CHANGE))
    refused = refused_changes(session, _ids(found, (Kind.CHANGE_REFUSED,)))
    with_words = (Kind.CANCELLED, Kind.CHANGED)
    texts = host_texts(session, _ids(found, with_words) | _declined(found))
    return [
        replace(
            _outgoing(message, reservation, restaurant, area, changed, refused, entry),
            host_text=texts.get((reservation.id, message.reservation_revision), ""),
        )
        for message, reservation, restaurant, area, entry in found
    ]


def _ids(found: Iterable[Any], kinds: Collection[Kind]) -> set[int]:
    return {row[0].reservation_id for row in found if row[0].kind in kinds}


def _declined(found: Iterable[Any]) -> set[int]:
    """Return the requests that the staff declined, perhaps in their own words."""
    return _ids((row for row in found if row[1].reason == Reason.NOT_APPROVED), (Kind.DECLINED,))


def _outgoing(
    message: Message,
    reservation: Reservation,
    restaurant: Restaurant,
    area: str | None,
    changed: dict[int, dict[str, int]],
    refused: Refused,
    entry: DoorEntry | None,
) -> Outgoing:
    guest, proved = _guest(reservation, message), _is_proved(reservation, message, entry)
    return Outgoing(
        id=message.id,
        claim=message.claim or "",
        kind=message.kind,
        channel=message.channel,
        variant=message.variant,
        attempts=message.attempts,
        told_revision=message.reservation_revision,
        created_at=message.created_at,
        reservation_id=reservation.id,
        reference=reservation.reference,
        revision=reservation.revision,
        status=reservation.status,
        party_size=reservation.party_size,
        starts_at=reservation.starts_at,
        ends_at=reservation.ends_at,
        area=area,
        reason=reservation.reason,
        alternatives=moments(reservation.alternatives),
        changed_revision=_voiding_revision(message, changed.get(reservation.id, {})),
        wish=refused_change_of(message, refused),
        restaurant=_card(restaurant),
        guest_locale=reservation.guest_locale,
        # text from an unconfirmed sender is not sent to anybody who did not ask for it
        guest_name=guest.name if guest and proved else "",
        guest_email=guest.email if guest else None,
        guest_phone=guest.phone if guest else None,
        note=guest.note if guest and proved else "",
        is_proved=proved,
        confirm_by=reservation.confirm_by,
        approve_by=reservation.approve_by,
        unreadable=guest is None,
        last_error=message.error or "",
        link_secret=reservation.link_secret,
        at_door=entry is not None,
        # a call that was taken back, or made again, is not this one
        ready_until=entry.ready_until
        if entry and entry.ready_revision == message.reservation_revision
        else None,
    )


def _voiding_revision(message: Message, changes: dict[str, int]) -> int:
    """Return the revision that voids older messages; of several refusals the last is sent."""
    changed = changes.get(CHANGED_REASON, 0)
    if message.kind == Kind.REMINDER:  # a held table that was confirmed has its own reminders
        return max(changed, changes.get(PROVED_REASON, 0), changes.get(APPROVED_REASON, 0))
    is_refusal = message.kind == Kind.CHANGE_REFUSED
    return max(changed, changes.get(REFUSED_REASON, 0)) if is_refusal else changed


def _guest(reservation: Reservation, message: Message) -> Guest | None:
    """Return the guest, or None if decryption fails: one row must not block all other messages.

    A previous contact gets no data of the guest; without a stored recipient nobody is notified.
    """
    try:
        if message.kind != Kind.CONTACT_CHANGED:
            return reservation.guest
        sealed, reference = message.recipient_sealed, reservation.reference
        contact = open_contact(sealed, reference=reference) if sealed else None
        is_email = message.channel == EMAIL
        return Guest("", contact if is_email else None, None if is_email else contact)
    except DecryptionFailed:
        return None


def _is_proved(reservation: Reservation, message: Message, entry: DoorEntry | None) -> bool:
    is_email = message.channel == EMAIL
    since = reservation.email_proved_at if is_email else reservation.phone_proved_at
    by_guest = entry.by_guest if entry else reservation.source == "online"
    return not by_guest or since is not None


def _card(restaurant: Restaurant) -> Card:
    return Card(
        name=restaurant.name,
        slug=restaurant.slug,
        zone=restaurant.zone,
        locale=restaurant.locale,
        email=restaurant.email,
        phone=restaurant.phone,
        address=restaurant.address,
        id=restaurant.id,
        sms_countries=tuple((restaurant.policies or {}).get("sms_countries", ())),
    )
