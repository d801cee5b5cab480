"""Forget the guest of a reservation: delete the identity, and leave the rest.

Party size, times, tables, status and history stay. Name, contact, notes, details, the contact's
hashes, the details of its moves and the provider's ids of its messages go; a message that was not
sent yet never will be. The record in the guest book goes with the last reservation of its
contacts.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, null, select, update
from sqlalchemy.orm import Session

from models.core.database.bulk import bulk_insert
from models.core.database.transactions import table_of
from models.entities.messages import Message
from models.entities.parties import PartyDetails
from models.entities.reservations import Reservation, ReservationMove
from models.entities.sealed_guest import Guest, seal_guest
from models.operations.guest_book.pruning import prune_contacts

ERASED = "erased"

_ROWS = table_of(Reservation)
_MOVES = table_of(ReservationMove)
_COLUMNS = (
    _ROWS.c.id,
    _ROWS.c.reference,
    _ROWS.c.status,
    _ROWS.c.revision,
    _ROWS.c.restaurant_id,
    _ROWS.c.email_key,
    _ROWS.c.phone_key,
)
_FORGET = (
    update(_ROWS)
    .where(_ROWS.c.id == bindparam("row"))
    .values(
        guest_sealed=bindparam("sealed"),
        staff_note_sealed=None,
        wanted_features=null(),
        email_key=None,
        phone_key=None,
        revision=bindparam("next"),
        forgotten_at=bindparam("at"),
    )
)


def forget_reservations(
    session: Session, numbers: Collection[int], *, now: datetime, actor: str
) -> None:
    """Forget the guests of these reservations. Their books must be locked by the caller.

    All objects of the session are expired, and so read again afterwards.
    """
    if not numbers:
        return
    session.flush()
    query = select(*_COLUMNS).where(_ROWS.c.id.in_(numbers)).order_by(_ROWS.c.id)
    rows = session.execute(query).all()
    changes, moves = [], []
    for row in rows:
        sealed = seal_guest(Guest(ERASED), reference=row.reference)
        changes.append({"row": row.id, "sealed": sealed, "next": row.revision + 1, "at": now})
        moves.append(_move(row.id, row.status, row.revision + 1, now=now, actor=actor))
    session.connection().execute(_FORGET, changes)
    # what the staff wrote as the reason of a move may name the guest
    told = _MOVES.c.reservation_id.in_(numbers), _MOVES.c.detail.is_not(None)
    session.execute(update(_MOVES).where(*told).values(detail=null()))
    session.execute(delete(PartyDetails).where(PartyDetails.reservation_id.in_(numbers)))
    bulk_insert(session, _MOVES, moves)
    _silence(session, numbers)
    for restaurant, contacts in sorted(_contacts(rows).items()):
        prune_contacts(session, restaurant, contacts)
    session.expire_all()


def _contacts(rows: Iterable[Row[*tuple[Any, ...]]]) -> dict[int, set[bytes]]:
    found: dict[int, set[bytes]] = defaultdict(set)
    for row in rows:
        found[row.restaurant_id] |= {key for key in (row.email_key, row.phone_key) if key}
    return found


def _move(
    number: int, status: str, revision: int, *, now: datetime, actor: str
) -> dict[str, object]:
    # "edited": from here on the guest cannot be reached, and `maitred check` expects no message.
    return {
        "reservation_id": number,
        "at": now,
        "before": status,
        "after": status,
        "revision": revision,
        "actor": actor,
        "reason": "edited",
    }


def _silence(session: Session, numbers: Collection[int]) -> None:
    messages = update(Message).where(Message.reservation_id.in_(numbers))
    messages = messages.execution_options(synchronize_session=False)
    waiting = Message.state.in_(("queued", "sending"))
    session.execute(messages.where(waiting).values(state="skipped", error=ERASED, claim=None))
    sealed = Message.recipient_sealed.is_not(None)
    session.execute(messages.where(sealed).values(recipient_sealed=None))
    session.execute(messages.where(Message.provider_id.is_not(None)).values(provider_id=None))
    session.execute(messages.where(Message.state == "failed").values(error=ERASED))
