"""Check the list at the door: each entry with its reservation, and that no call is overdue."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import and_, exists, not_, or_, select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.door import DoorEntry
from models.entities.reservations import Reservation
from models.integrity.checks.reservations import AHEAD, DISORDER_SECONDS
from models.integrity.checks.waiting import PASSED_BY
from models.integrity.finding import Finding
from models.integrity.law import Law, breaches
from models.integrity.times import seconds_between
from models.rules.reservations.lifecycle import DOOR, Status


def door_entries(session: Session, *, now: datetime, limit: int) -> Iterator[Finding]:
    """Entries that contradict their reservation or themselves, and missing ones."""
    entry, row = table_of(DoorEntry), table_of(Reservation)
    source = entry.join(row, row.c.id == entry.c.reservation_id)
    key = entry.c.reservation_id
    laws = [*_place_laws(now), *_call_laws(now)]
    yield from breaches(session, "door entry", key, key, source, laws, limit=limit)
    yield from _lonely(session, limit=limit)


def _place_laws(now: datetime) -> list[Law]:
    entry, row = table_of(DoorEntry).c, table_of(Reservation).c
    low, high = entry.quoted_low, entry.quoted_high
    early = and_(
        entry.joined_at < row.created_at,
        seconds_between(entry.joined_at, row.created_at) > DISORDER_SECONDS,
    )
    return [
        Law(
            "is on the list of another restaurant than its own",
            entry.restaurant_id != row.restaurant_id,
            rule="reference",
        ),
        Law("is on the list at the door, but did not come to the door", row.source != DOOR),
        Law(
            "was quoted an impossible wait",
            or_(low.is_(None) != high.is_(None), low < 0, low > high),
        ),
        Law("joined the list before it was there", early),
        Law("has a place before it joined", entry.place_at < entry.joined_at),
        Law("was served before it joined", entry.served_at < entry.joined_at),
        Law(
            "has a time on the list in the future",
            or_(*[at > now + AHEAD for at in (entry.joined_at, entry.served_at, entry.missed_at)]),
        ),
    ]


def _call_laws(now: datetime) -> list[Law]:
    entry, row = table_of(DoorEntry).c, table_of(Reservation).c
    called = entry.ready_until.is_not(None)
    part = or_(
        entry.ready_at.is_(None),
        entry.ready_tables.is_(None),
        entry.ready_revision.is_(None),
        entry.ready_until <= entry.ready_at,
        entry.missed_at.is_not(None),
        entry.served_at.is_(None),
        entry.ready_revision > row.revision,
    )
    return [
        Law("is called to a table, but only in part", part, among=called),
        Law(
            "is called to a table, but does not wait",
            row.status != Status.WAITLISTED.value,
            among=called,
        ),
        Law(
            "has a call without an end",
            and_(entry.ready_until.is_(None), entry.ready_at.is_not(None)),
        ),
        Law(
            "was called, did not come, and the next was not called",
            entry.ready_until < now - PASSED_BY,
            rule="overdue",
        ),
    ]


def _lonely(session: Session, *, limit: int) -> Iterator[Finding]:
    """Entries without a reservation, and parties at the door without an entry."""
    entry, row = table_of(DoorEntry).c, table_of(Reservation).c
    gone = select(entry.reservation_id).where(not_(exists().where(row.id == entry.reservation_id)))
    for number in session.scalars(gone.limit(limit)):
        text = f"an entry at the door of reservation {number}, which does not exist"
        yield Finding("reference", (number,), text)
    # by the index of the states: of those that left the list only the entry knows the wait
    waits = select(row.id).where(
        row.status == Status.WAITLISTED.value,
        row.source == DOOR,
        not_(exists().where(entry.reservation_id == row.id)),
    )
    for number in session.scalars(waits.limit(limit)):
        text = f"reservation {number} waits at the door, but is not on its list"
        yield Finding("reference", (number,), text)
