"""What the stand learns of a party: running late, partly here, allergies, occasion, VIP, tags."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.core.errors import Invalid, StateConflict, sentence
from models.entities.parties import PartyDetails, details_of, seal_details
from models.entities.reservations import Reservation
from models.operations.deciding.books import lock_reservation
from models.operations.reservations.pending_changes import check_revision
from models.operations.reservations.repeats import ANYTHING, ActsOn, is_repeat
from models.operations.stand.arrivals import arrive
from models.operations.stand.steps import check_verb, move
from models.rules.messages.notifying import (
    DETAILS_REASON,
    LATE_REASON,
    MORE_REASON,
    SPEND_REASON,
)
from models.rules.reservations.lifecycle import HERE, HOLDING, OPEN, Status
from models.rules.reservations.verbs import Verb


def expect_late(
    session: Session,
    reservation_id: int,
    *,
    until: datetime | None,
    now: datetime,
    actor: str,
    acts_on: ActsOn = ANYTHING,
) -> None:
    """Record that the party comes late, by `until` (after its start, within its turn).

    None: it comes in time after all. Until then the clock makes no no-show of it, and the book does
    not miss it. Raises NotFound, Invalid, StateConflict, RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    known = session.get(PartyDetails, row.id)
    if (known.expected_at if known else None) == until:
        return
    if is_repeat(session, row, acts_on, reason=LATE_REASON, actor=actor):
        return
    check_verb(row, Verb.LATE, now=now)
    if until is not None and not row.starts_at < until < row.ends_at:
        raise Invalid.field(
            "until", sentence("late_within_turn", "must be after the start, and within the turn")
        )
    _row(session, row).expected_at = until
    move(session, row, Status.CONFIRMED, now=now, actor=actor, reason=LATE_REASON)


def arrive_partly(
    session: Session,
    reservation_id: int,
    *,
    covers: int,
    now: datetime,
    actor: str,
    acts_on: ActsOn = ANYTHING,
) -> None:
    """Record that so many of the party are here, of a party that comes or that is here already.

    As many as the party has: all of them. Raises NotFound, Invalid, StateConflict,
    RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    count = _count_of(row, covers)
    if Status(row.status) not in HERE:
        arrive(session, reservation_id, now=now, actor=actor, acts_on=acts_on)
    elif not _count_more(session, row, count, now=now, actor=actor, acts_on=acts_on):
        return
    if count is not None or session.get(PartyDetails, row.id) is not None:
        _row(session, row).arrived_covers = count


def _count_of(row: Reservation, covers: int) -> int | None:
    """Return `covers` as it is stored: None if all are here. Raises Invalid."""
    if not 1 <= covers <= row.party_size:
        raise Invalid.field(
            "covers", sentence("from_one_to", "must be from 1 to {most}", most=row.party_size)
        )
    return covers if covers < row.party_size else None


def _count_more(
    session: Session,
    row: Reservation,
    count: int | None,
    *,
    now: datetime,
    actor: str,
    acts_on: ActsOn,
) -> bool:
    """Record the step of a party that is here; return whether the count differs."""
    known = session.get(PartyDetails, row.id)
    if (known.arrived_covers if known else None) == count:
        return False
    reasons = (MORE_REASON, "arrival")
    if is_repeat(session, row, acts_on, reason=reasons, actor=actor):
        return False
    check_verb(row, Verb.COUNT, now=now)
    move(session, row, Status(row.status), now=now, actor=actor, reason=MORE_REASON)
    return True


def clear_count(session: Session, row: Reservation) -> None:
    """Forget how many are here: nobody is any more, or the party's size changed."""
    table = table_of(PartyDetails)
    session.execute(
        update(table).where(table.c.reservation_id == row.id).values(arrived_covers=None)
    )


def record_spend(
    session: Session,
    reservation_id: int,
    *,
    amount: int | None,
    now: datetime,
    actor: str,
    acts_on: ActsOn = ANYTHING,
) -> None:
    """Record what a party spent, in hundredths; None: nobody knows. Raises what `arrive` does."""
    row = lock_reservation(session, reservation_id)
    known = session.get(PartyDetails, row.id)
    is_known = (known.spend if known else None) == amount
    if is_known or is_repeat(session, row, acts_on, reason=SPEND_REASON, actor=actor):
        return
    check_verb(row, Verb.SPEND, now=now)
    _row(session, row).spend = amount
    move(session, row, Status(row.status), now=now, actor=actor, reason=SPEND_REASON)


def edit_party(
    session: Session,
    reservation_id: int,
    *,
    changes: Mapping[str, Any],
    now: datetime,
    actor: str,
    if_revision: int | None = None,
) -> bool:
    """Change the details that are named (fields of `Details`); return whether one differs.

    They are the staff's own: no guest sees them, nobody is notified. Raises NotFound,
    StateConflict, RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    if Status(row.status) not in OPEN | HOLDING:
        raise StateConflict(
            sentence(
                "cannot_change", "a reservation that is {state} cannot be changed", state=row.status
            )
        )
    if is_new := write_details(session, row, changes, only_if_revision=if_revision):
        move(session, row, Status(row.status), now=now, actor=actor, reason=DETAILS_REASON)
    return is_new


def write_details(
    session: Session,
    row: Reservation,
    changes: Mapping[str, Any],
    *,
    only_if_revision: int | None = None,
) -> bool:
    """Write the details that differ, without a line in the history; return whether one did.

    Raises RevisionConflict.
    """
    known = details_of(session.get(PartyDetails, row.id), reference=row.reference)
    details = replace(known, **changes)
    if details == known:
        return False
    check_revision(row.revision, only_if_revision)
    kept = _row(session, row)
    kept.vip = details.vip
    kept.details_sealed = seal_details(details, reference=row.reference)
    return True


def _row(session: Session, row: Reservation) -> PartyDetails:
    """Return the party's row, a new one if it has none; its book is locked."""
    found = session.get(PartyDetails, row.id)
    if found is None:
        found = PartyDetails(reservation_id=row.id, restaurant_id=row.restaurant_id, vip=False)
        session.add(found)
    return found
