"""Messages to send: as rows of a database, and as values."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from models.core import clock
from models.core.database.transactions import reading, transaction
from models.entities import Message, Reservation, ReservationMove
from models.entities.sealed_guest import Guest
from models.queries.messages.outgoing import Card, Outgoing

NOW = datetime(2026, 9, 9, 10, 0, tzinfo=UTC)
FRIDAY = datetime(2026, 9, 11, 18, 0, tzinfo=UTC)

AN_OUTGOING = Outgoing(
    id=7,
    claim="claim",
    kind="confirmation",
    channel="email",
    variant=0,
    attempts=1,
    told_revision=1,
    created_at=NOW,
    reservation_id=123456,
    reference="ABCD2345",
    revision=3,
    status="confirmed",
    party_size=4,
    starts_at=FRIDAY,
    ends_at=FRIDAY + timedelta(minutes=105),
    area="Terrasse",
    reason=None,
    alternatives=(),
    changed_revision=0,
    wish=None,
    restaurant=Card(
        id=1,
        name="Trattoria Bellavista",
        slug="bellavista",
        zone="Europe/Berlin",
        locale="de-DE",
        email="ciao@bellavista.example",
        phone="+49 30 1234567",
        address="Hauptstr. 12, 10827 Berlin",
    ),
    guest_locale="en",
    guest_name="Zoë O'Connor",
    guest_email="zoe@guests.example",
    guest_phone="+4915112345678",
    note="",
    link_secret=b"eight by",
)


def outgoing(**values: Any) -> Outgoing:
    """A claimed message, with these values changed."""
    return replace(AN_OUTGOING, **values)


def reserve(restaurant_id: int, **values: Any) -> int:
    """Write a reservation, by default confirmed for tomorrow; return its id."""
    number = values.pop("number", 1)
    now = clock.now()
    start = values.pop("starts_at", now + timedelta(days=1))
    row = {
        "reference": f"R{number:07}",
        "restaurant_id": restaurant_id,
        "book_id": 1,
        "status": "confirmed",
        "revision": 2,
        "party_size": 4,
        "starts_at": start,
        "ends_at": start + timedelta(minutes=105),
        "created_at": now,
        "email_proved_at": now,
        "phone_proved_at": now,
    } | values
    who = {
        "guest_name": f"Guest {number}",
        "guest_email": f"guest{number}@guests.example",
        "guest_phone": f"+49151{number:08}",
        "note": "",
    }
    who |= {name: row.pop(name) for name in who.keys() & row.keys()}
    with transaction() as session:
        reservation = Reservation(**row)
        reservation.guest = Guest(*who.values())
        session.add(reservation)
        session.flush()
        return reservation.id


def order(about: int, **values: Any) -> int:
    """Write a message of that reservation, by default an e-mail due now; return its id."""
    with transaction() as session:
        reservation = session.get_one(Reservation, about)
        row = {
            "restaurant_id": reservation.restaurant_id,
            "reservation_id": reservation.id,
            "reservation_revision": reservation.revision,
            "kind": "confirmation",
            "channel": "email",
            "state": "queued",
            "due_at": clock.now() - timedelta(seconds=1),
            "created_at": clock.now() - timedelta(seconds=1),
        } | values
        message = Message(**row)
        session.add(message)
        session.flush()
        return message.id


def moved(reservation_id: int, *, reason: str, revision: int) -> None:
    """Write a row of the reservation's history."""
    with transaction() as session:
        session.add(
            ReservationMove(
                reservation_id=reservation_id,
                at=clock.now(),
                before="confirmed",
                after="confirmed",
                revision=revision,
                actor="worker",
                reason=reason,
            )
        )


def row_of(message_id: int) -> Message:
    with reading() as session:
        row = session.get_one(Message, message_id)
        session.expunge(row)
        return row


def states() -> dict[str, int]:
    """The number of messages by state."""
    with reading() as session:
        found = session.scalars(select(Message.state)).all()
    return {state: found.count(state) for state in set(found)}
