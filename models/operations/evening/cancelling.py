"""Cancel several parties as one act, with a text of the host in the message."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.core.errors import Invalid, sentence
from models.entities.reservations import Reservation, ReservationMove
from models.operations.evening.acts import lock_evening, record_act
from models.operations.reservations.changes import cancel_reservation
from models.queries.deciding.parties import COLUMNS, PartyRow
from models.rules.evening.acts import Act
from models.rules.messages.notifying import channels
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec, split_book_id

#: States that this act ends; whoever is here already is the host's to speak to.
ENDS = frozenset({Status.REQUESTED, Status.WAITLISTED, Status.CONFIRMED})
AT_MOST = 300


@dataclass(frozen=True, slots=True)
class Hurt:
    """A party as it was, whether it was cancelled, and the channels on which it is notified.

    `moved_to`: its new start.
    """

    party: PartyRow
    is_cancelled: bool
    notified_by: tuple[str, ...] = ()
    moved_to: datetime | None = None


def cancel_parties(
    session: Session,
    restaurant: RestaurantSpec,
    ids: Collection[int],
    *,
    message: str,
    notify: bool,
    now: datetime,
    actor: str,
) -> list[Hurt]:
    """Cancel these reservations and notify their guests; `message` is the host's own text.

    Those that are cancelled already, or have arrived or ended, stay as they are. A repeat does
    nothing. Raises Invalid for a reservation of another restaurant.
    """
    if len(ids) > AT_MOST:
        raise Invalid.field(
            "reservations", sentence("too_many", "must be at most {most}", most=AT_MOST)
        )
    lock_evening(session, restaurant, {row.book_id for row in _read(session, restaurant, ids)})
    rows = _read(session, restaurant, ids)
    unknown = set(ids) - {row.id for row in rows}
    if unknown:
        raise Invalid.field(
            "reservations",
            sentence("not_ours", "is not of this restaurant: {reference}", reference=min(unknown)),
        )
    found = [
        _cancel(session, row, message=message, notify=notify, now=now, actor=actor) for row in rows
    ]
    cancelled = [each.party for each in found if each.is_cancelled]
    for day in sorted({split_book_id(row.book_id)[1] for row in cancelled}):
        own = [row.id for row in cancelled if split_book_id(row.book_id)[1] == day]
        said = {"reservations": own, "message": message, "notify": notify}
        record_act(session, restaurant, day, Act.CANCEL, now=now, actor=actor, **said)
    return found


def _read(session: Session, restaurant: RestaurantSpec, ids: Collection[int]) -> Sequence[PartyRow]:
    query = select(*COLUMNS).where(
        COLUMNS[0].in_(sorted(ids)), Reservation.restaurant_id == restaurant.id
    )
    return session.execute(query.order_by(Reservation.starts_at, Reservation.id)).all()


def _cancel(
    session: Session, row: PartyRow, *, message: str, notify: bool, now: datetime, actor: str
) -> Hurt:
    if row.status not in ENDS:
        return Hurt(row, is_cancelled=False)
    cancel_reservation(session, row.id, now=now, actor=actor, by_staff=True, notify=notify)
    session.flush()
    if message:
        move = ReservationMove
        session.execute(
            update(move)
            .where(move.reservation_id == row.id, move.revision == row.revision + 1)
            .values(detail={"message": message})
            .execution_options(synchronize_session=False)
        )
    return Hurt(row, is_cancelled=True, notified_by=notified_by(row, notify=notify))


def notified_by(row: PartyRow, *, notify: bool) -> tuple[str, ...]:
    """Return the channels on which the guest is notified."""
    found = channels(email=bool(row.email_key), phone=bool(row.phone_key)) if notify else ()
    return tuple(sorted(found))
