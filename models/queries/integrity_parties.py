"""Checked: who has a table has one, and who booked online has one that seats such a party."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Select, and_, case, exists, func, not_, or_, select
from sqlalchemy.orm import Session

from models.entities.floor import DiningTable
from models.entities.reservations import Assignment, Reservation, ReservationMove
from models.queries.integrity_finding import Files, Finding
from models.rules.lifecycle import HOLDING, Status

_HOLDING = sorted(status.value for status in HOLDING)


def without_table(session: Session, *, limit: int) -> Iterator[Finding]:
    """Confirmed, arrived and seated parties that were given no table at all."""
    row = Reservation
    query = select(row.id, row.status).where(
        row.status.in_(_HOLDING), not_(exists().where(Assignment.reservation_id == row.id))
    )
    for number, status in session.execute(query.limit(limit)):
        yield Finding("no-table", (number,), f"reservation {number} is {status} and has no table")


def misfits(session: Session, files: Files) -> Iterator[Finding]:
    """Online parties outside the range of their table or combination.

    Where a party is once seated, the host chose; before, the decision did.
    """
    seats: dict[int, set[int]] = defaultdict(set)
    sizes: dict[int, int] = {}
    for number, size, house_id, decided_at, table_id in session.execute(_suspects()):
        house = files.houses.get(house_id)
        if house is not None and house.holds_for(decided_at):
            seats[number].add(table_id)
            sizes[number] = size
    for number, table_ids in seats.items():
        if not _fits(files, frozenset(table_ids), sizes[number]):
            names = ", ".join(files.table_name(each) for each in sorted(table_ids))
            text = f"reservation {number}, a party of {sizes[number]}, is at {names}"
            yield Finding("misfit", (number,), text)


def _suspects() -> Select[int, int, int, datetime | None, int]:
    """Online parties not seated yet, at several tables or at one that is not for their size."""
    row, given, table = Reservation, Assignment, DiningTable
    fits = row.party_size.between(table.min_party, table.max_party)
    seated = exists().where(
        ReservationMove.reservation_id == row.id, ReservationMove.after == Status.SEATED
    )
    odd = (
        select(row.id)
        .join(given, given.reservation_id == row.id)
        .join(table, table.id == given.dining_table_id)
        .where(and_(row.source == "online", row.status.in_(("confirmed", "arrived"))))
        .group_by(row.id)
        .having(or_(func.count() > 1, func.sum(case((fits, 0), else_=1)) > 0))
        .subquery()
    )
    return (
        select(row.id, row.party_size, row.restaurant_id, row.decided_at, given.dining_table_id)
        .join(odd, odd.c.id == row.id)
        .join(given, given.reservation_id == row.id)
        .where(not_(seated))
    )


def _fits(files: Files, table_ids: frozenset[int], party_size: int) -> bool:
    ranges = list(files.joined.get(table_ids, []))
    if len(table_ids) == 1:
        (only,) = table_ids
        ranges.append((files.tables[only].min_party, files.tables[only].max_party))
    return any(least <= party_size <= most for least, most in ranges)
