"""Close a book for tonight: nobody else comes, and those who would are moved or cancelled."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.reservations import Reservation
from models.operations.deciding.seatings import moment
from models.operations.evening.acts import lock_evening, record_act
from models.operations.evening.cancelling import ENDS, Hurt, cancel_parties, notified_by
from models.operations.evening.limits import close_books
from models.operations.evening.moving_starts import NEAR, move_to_other_starts
from models.queries.deciding.parties import COLUMNS, PartyRow
from models.rules.evening.acts import Act, Fate
from models.rules.reservations.lifecycle import HERE, Status
from models.rules.restaurant.restaurant import RestaurantSpec, split_book_id
from models.rules.restaurant.sittings import Sitting, sittings_on

_MOVES: Final = frozenset({Fate.MOVE, Fate.MOVE_OR_CANCEL})
_CANCELS: Final = frozenset({Fate.CANCEL, Fate.MOVE_OR_CANCEL})


@dataclass(frozen=True, slots=True)
class Closing:
    """What the host decides: from which start (UTC quarter) on, and about the parties to come.

    `begun`: also about those whose start is over, because the host named the first start. Else
    they stay, late or not recorded. `within`: no party is moved further from its start. `message`:
    the host's own words.
    """

    first: int
    reason: str
    parties: Fate
    message: str = ""
    notify: bool = True
    begun: bool = True
    within: timedelta = NEAR


def close_tonight(
    session: Session,
    restaurant: RestaurantSpec,
    sittings: Collection[Sitting],
    closing: Closing,
    *,
    now: datetime,
    actor: str,
    if_revision: int | None = None,
) -> list[Hurt]:
    """Close these books; return whom that hurts, by their start.

    Parties to come are moved to another start of that day or cancelled, as `closing` says, and
    notified; those on the waitlist are cancelled or stay. Parties that are here stay. Requests
    that are not decided yet are declined by their lane. Raises RevisionConflict.
    """
    lock_evening(session, restaurant, _books(restaurant, sittings, closing))
    close_books(
        session,
        restaurant,
        sittings,
        first=closing.first,
        reason=closing.reason,
        now=now,
        actor=actor,
        if_revision=if_revision,
    )
    rows = _concerned(session, sittings, closing.first)
    coming = [row for row in rows if closing.begun or _is_to_come(row, now=now)]
    moved = _moved(session, restaurant, coming, closing, now=now, actor=actor)
    rest = [row.id for row in coming if row.id not in moved]
    cancelled = _cancelled(session, restaurant, rest, closing, now=now, actor=actor)
    return [
        moved.get(row.id) or cancelled.get(row.id) or Hurt(row, is_cancelled=False) for row in rows
    ]


def _books(restaurant: RestaurantSpec, sittings: Collection[Sitting], closing: Closing) -> set[int]:
    """Return the books to lock: if parties may move, all of those days."""
    own = {each.book_id for each in sittings}
    if closing.parties not in _MOVES:
        return own
    days = {each.service_date for each in sittings}
    return own.union(each.book_id for day in days for each in sittings_on(restaurant, day))


def _concerned(session: Session, sittings: Collection[Sitting], first: int) -> Sequence[PartyRow]:
    row = Reservation
    query = select(*COLUMNS).where(
        row.book_id.in_({each.book_id for each in sittings}),
        row.starts_at >= moment(first),
        row.status.in_(sorted((ENDS - {Status.REQUESTED}) | HERE)),
    )
    return session.execute(query.order_by(row.starts_at, row.id)).all()


def _is_to_come(row: PartyRow, *, now: datetime) -> bool:
    """Whether the party is still expected, or waits. One whose start is over may be here."""
    return bool(row.status == Status.WAITLISTED or row.starts_at >= now)


def _moved(
    session: Session,
    restaurant: RestaurantSpec,
    rows: Sequence[PartyRow],
    closing: Closing,
    *,
    now: datetime,
    actor: str,
) -> dict[int, Hurt]:
    """Move the confirmed parties that are still expected and find another start; return those."""
    if closing.parties not in _MOVES:
        return {}
    is_due = [row for row in rows if _is_to_come(row, now=now)]
    confirmed = [row for row in is_due if row.status == Status.CONFIRMED]
    starts = move_to_other_starts(
        session,
        restaurant,
        confirmed,
        within=closing.within,
        message=closing.message,
        notify=closing.notify,
        now=now,
        actor=actor,
    )
    for day in sorted({split_book_id(row.book_id)[1] for row in confirmed if row.id in starts}):
        own = [row.id for row in confirmed if split_book_id(row.book_id)[1] == day]
        said = {"message": closing.message, "notify": closing.notify}
        numbers = [number for number in own if number in starts]
        record_act(
            session, restaurant, day, Act.MOVE, now=now, actor=actor, reservations=numbers, **said
        )
    return {
        row.id: Hurt(
            row,
            is_cancelled=False,
            notified_by=notified_by(row, notify=closing.notify),
            moved_to=at,
        )
        for row in confirmed
        if (at := starts.get(row.id)) is not None
    }


def _cancelled(
    session: Session,
    restaurant: RestaurantSpec,
    ids: Collection[int],
    closing: Closing,
    *,
    now: datetime,
    actor: str,
) -> dict[int, Hurt]:
    if closing.parties not in _CANCELS:
        return {}
    words, notify = closing.message, closing.notify
    done = cancel_parties(
        session, restaurant, ids, message=words, notify=notify, now=now, actor=actor
    )
    return {each.party.id: each for each in done}
