"""Close a book for tonight: nobody else comes, and those who would are cancelled and notified."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.reservations import Reservation
from models.operations.deciding.seatings import moment
from models.operations.evening.cancelling import ENDS, Hurt, cancel_parties
from models.operations.evening.limits import close_books
from models.queries.deciding.parties import COLUMNS
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import Sitting


def close_tonight(
    session: Session,
    restaurant: RestaurantSpec,
    sittings: Collection[Sitting],
    *,
    first: int,
    reason: str,
    cancel: bool,
    message: str,
    notify: bool,
    now: datetime,
    actor: str,
    if_revision: int | None = None,
) -> list[Hurt]:
    """Close these books for starts from the quarter `first` on; return whom that hurts.

    With `cancel` the parties to come and those on the waitlist are cancelled, and notified as
    `notify` says. Parties that are here stay. Requests that are not decided yet are declined by
    their lane. Raises RevisionConflict.
    """
    close_books(
        session,
        restaurant,
        sittings,
        first=first,
        reason=reason,
        now=now,
        actor=actor,
        if_revision=if_revision,
    )
    row = Reservation
    query = select(*COLUMNS).where(
        row.book_id.in_({each.book_id for each in sittings}),
        row.starts_at >= moment(first),
        row.status.in_(sorted((ENDS - {Status.REQUESTED}) | {Status.ARRIVED, Status.SEATED})),
    )
    rows = session.execute(query.order_by(row.starts_at, row.id)).all()
    if not cancel:
        return [Hurt(each, is_cancelled=False) for each in rows]
    return cancel_parties(
        session,
        restaurant,
        [each.id for each in rows],
        message=message,
        notify=notify,
        now=now,
        actor=actor,
    )
