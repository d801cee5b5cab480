"""Check that no table is given twice at a time, and that the occupancy matches the assignments.

Double seatings are derived from assignments and times alone, so that they are found even if the
occupancy, or its primary key, is wrong.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.door import DoorEntry
from models.entities.reservations import Assignment, Reservation, ReservationMove, TableOccupancy
from models.integrity.checks.seated import read_sitters, seated
from models.integrity.finding import Files, Finding
from models.integrity.table_uses import Use
from models.integrity.times import as_text, last_quarter, quarter_in
from models.rules.messages.notifying import (
    ASSIGNED_REASON,
    CHANGED_REASON,
    RESEATED_REASON,
    SWAPPED_REASON,
)
from models.rules.reservations.lifecycle import HOLDING, Status
from models.rules.restaurant.restaurant import QUARTER_SECONDS
from models.rules.restaurant.sittings import quarter_of

#: The states that undoing a wrong finish leads to, except SEATED.
_BACK: Final = (Status.CONFIRMED.value, Status.ARRIVED.value)
_JUDGED = frozenset(status.value for status in HOLDING | {Status.FINISHED})
#: The steps that give a party other tables, whatever its state.
_OTHER_TABLES: Final = (ASSIGNED_REASON, SWAPPED_REASON, RESEATED_REASON, "moved")
#: Later than every quarter: the party gave up the table and did not get it again.
_NEVER: Final = 2**31
#: Tables processed together: this bounds the memory.
_AT_ONCE = 40


class Block(NamedTuple):
    """The quarters that one party holds of one table: the first, the last, and their number."""

    first: int
    last: int
    quarters: int


def tables(
    session: Session, files: Files, ids: Sequence[int], *, now: datetime
) -> Iterator[Finding]:
    """Double seatings at any time, and the occupancy from `now` on, of these tables."""
    for start in range(0, len(ids), _AT_ONCE):
        chunk = ids[start : start + _AT_ONCE]
        uses = read_uses(session, files, chunk)
        blocks = _read_blocks(session, chunk, quarter_of(now))
        sitters = read_sitters(session, chunk)
        called = called_parties(session)
        for table_id in chunk:
            own = uses.get(table_id, [])
            yield from _strangers(files, table_id, own)
            yield from taken_twice(files, own)
            yield from seated(files, table_id, own, sitters.get(table_id))
            if not _is_well_held(own, blocks.get(table_id, {}), quarter_of(now)):
                held = _read_held(session, table_id, quarter_of(now))
                kept = [each for each in held if each[1] not in called]
                yield from _wrongly_held(files, table_id, own, kept, quarter_of(now))


def called_parties(session: Session) -> set[int]:
    """The parties at the door that were called: a table is held for each until it comes."""
    entry = table_of(DoorEntry).c
    return set(session.scalars(select(entry.reservation_id).where(entry.ready_until.is_not(None))))


def taken_twice(files: Files, uses: Sequence[Use]) -> Iterator[Finding]:
    """Parties whose turns at one table overlap."""
    before: Use | None = None
    # a party that came after its turn was over held nothing
    held = [use for use in uses if use.begin <= use.least]
    for use in sorted(held, key=lambda each: (each.begin, each.reservation_id)):
        if before is not None and use.begin <= before.least:
            ids = tuple(sorted((before.reservation_id, use.reservation_id)))
            where = files.table_name(use.table_id)
            text = (
                f"{where} is assigned to reservations {ids[0]} and {ids[1]} at {_hour(use.begin)}"
            )
            yield Finding("table-twice", ids, text)
        if before is None or use.least > before.least:
            before = use


def _strangers(files: Files, table_id: int, uses: Sequence[Use]) -> Iterator[Finding]:
    """Parties of one restaurant at the table of another."""
    own = files.tables[table_id].restaurant_id
    for use in uses:
        if use.restaurant_id != own:
            text = f"reservation {use.reservation_id} has {files.table_name(table_id)}, of another"
            yield Finding("reference", (use.reservation_id,), f"{text} restaurant")


def _is_well_held(uses: Sequence[Use], blocks: dict[int, Block], now: int) -> bool:
    """Whether from now on each party has its quarters in one block, and no other party has any."""
    ends = now - 1
    for block in sorted(blocks.values()):
        if block.first <= ends or block.quarters != block.last - block.first + 1:
            return False
        ends = block.last
    known = {use.reservation_id for use in uses}
    return blocks.keys() <= known and all(
        _is_held(use, blocks.get(use.reservation_id), now) for use in uses
    )


def _is_held(use: Use, block: Block | None, now: int) -> bool:
    begin, last = max(use.begin, now), use.most if use.exact else use.least
    if block is None:
        return not use.is_holding or begin > last
    lacks = use.is_holding and begin <= last and (block.first > begin or block.last < last)
    return not (lacks or block.first < use.begin or (use.exact and block.last > use.most))


def _wrongly_held(
    files: Files,
    table_id: int,
    uses: Sequence[Use],
    held: Sequence[tuple[int, int]],
    now: int,
) -> Iterator[Finding]:
    """From now on: quarters that a party lacks, and quarters that nobody should hold."""
    where = files.table_name(table_id)
    for quarter, times in Counter(quarter for quarter, _ in held).items():
        if times > 1:
            ids = tuple(sorted({number for each, number in held if each == quarter}))
            text = f"{where} is held {times} times at {_hour(quarter)}, by reservations {ids}"
            yield Finding("table-twice", ids, text)
    own: dict[int, set[int]] = defaultdict(set)
    for quarter, number in held:
        own[number].add(quarter)
    for use in uses:
        found = own.pop(use.reservation_id, set())
        last = use.most if use.exact else use.least
        lacking = set(range(max(use.begin, now), last + 1)) - found if use.is_holding else set()
        if lacking:
            text = f"reservation {use.reservation_id} lacks {where} at {_hours(lacking)}"
            yield Finding("occupancy-missing", (use.reservation_id,), text)
        beyond = {q for q in found if q < use.begin or (use.exact and q > use.most)}
        yield from _too_much(use.reservation_id, where, beyond)
    for number, quarters in own.items():
        yield from _too_much(number, where, quarters)


def _too_much(number: int, where: str, quarters: set[int]) -> Iterator[Finding]:
    if quarters:
        text = f"{where} is held for reservation {number} at {_hours(quarters)} without a reason"
        yield Finding("occupancy-orphan", (number,), text)


def read_uses(session: Session, files: Files, chunk: Sequence[int]) -> dict[int, list[Use]]:
    """The present and past uses of these tables, derived from assignments, times and history."""
    row, given = table_of(Reservation).c, table_of(Assignment).c
    begins = _read_begins(session, chunk)
    query = (
        select(
            given.dining_table_id,
            row.id,
            row.restaurant_id,
            row.book_id,
            row.status,
            as_text(row.starts_at),
            as_text(row.ends_at),
            as_text(row.finished_at),
            as_text(row.decided_at),
        )
        .join_from(given.reservation_id.table, row.id.table, row.id == given.reservation_id)
        # the status is tested in Python: with its index the database would read every reservation
        .where(given.dining_table_id.in_(chunk))
    )
    since = files.since()
    found: dict[int, list[Use]] = defaultdict(list)
    for table_id, number, restaurant_id, book, status, start, end, left, decided in session.execute(
        query
    ):
        if status not in _JUDGED:
            continue
        least = last_quarter(end, 0)
        most, exact = least, True
        if status == Status.FINISHED:
            # the quarter in which it left may be the next party's already
            most = quarter_in(left) if left else least
            least = min(least, most - 1)
        elif restaurant_id in files.restaurants:
            most = last_quarter(end, files.buffer_minutes(book, files.restaurants[restaurant_id]))
            exact = not since[restaurant_id] or (decided or "") > since[restaurant_id]
        begin = begins[number] if number in begins else quarter_in(start)
        found[table_id].append(
            Use(table_id, number, status, begin, least, most, exact, restaurant_id)
        )
    return found


def _read_begins(session: Session, chunk: Sequence[int]) -> dict[int, int]:
    """The first quarters of parties at their present tables, where it is not their start.

    A party that is seated has the table from then on, early or late; one whose no-show,
    cancellation or finish was undone has it again from then on, but not before its start; one
    recorded later as having come has none again; after an accepted change the new start counts.
    Other tables than before are held from then on, but not before the start.
    """
    move, given = ReservationMove, Assignment
    start = Reservation.starts_at
    query = (
        select(move.reservation_id, move.at, move.after, move.reason, move.detail, start)
        .join(given, given.reservation_id == move.reservation_id)
        .join(Reservation, Reservation.id == move.reservation_id)
        .where(
            given.dining_table_id.in_(chunk),
            or_(
                and_(move.after == Status.SEATED, move.before != Status.SEATED),
                move.reason.in_(_OTHER_TABLES),
                move.before.in_((Status.NO_SHOW, Status.CANCELLED, Status.DECLINED)),
                and_(move.before == Status.FINISHED, move.after.in_(_BACK)),
                move.reason == CHANGED_REASON,
            ),
        )
        .order_by(move.id)
    )
    begins: dict[int, int] = {}
    for number, at, after, reason, detail, starts in session.execute(query):
        if reason == CHANGED_REASON and after == Status.CONFIRMED:
            begins[number] = quarter_of(starts)
        elif reason == CHANGED_REASON and after == Status.SEATED and not detail:
            continue  # it kept its tables
        elif after == Status.SEATED:
            begins[number] = quarter_of(at)
        elif after == Status.FINISHED:
            begins[number] = _NEVER
        else:
            begins[number] = max(quarter_of(at), quarter_of(starts))
    return begins


def _read_blocks(session: Session, chunk: Sequence[int], now: int) -> dict[int, dict[int, Block]]:
    row = table_of(TableOccupancy).c
    quarter = row.quarter_hour
    query = (
        select(
            row.dining_table_id,
            row.reservation_id,
            func.min(quarter),
            func.max(quarter),
            func.count(),
        )
        .where(row.dining_table_id.in_(chunk), quarter >= now)
        .group_by(row.dining_table_id, row.reservation_id)
    )
    found: dict[int, dict[int, Block]] = defaultdict(dict)
    for table_id, number, *facts in session.execute(query):
        found[table_id][number] = Block(*facts)
    return found


def _read_held(session: Session, table_id: int, now: int) -> list[tuple[int, int]]:
    row = TableOccupancy
    query = select(row.quarter_hour, row.reservation_id).where(
        row.dining_table_id == table_id, row.quarter_hour >= now
    )
    return [(quarter, number) for quarter, number in session.execute(query)]


def _hour(quarter: int) -> str:
    return datetime.fromtimestamp(quarter * QUARTER_SECONDS, UTC).isoformat(timespec="minutes")


def _hours(quarters: set[int]) -> str:
    first, last = _hour(min(quarters)), _hour(max(quarters))
    return first if first == last else f"{first} to {last} ({len(quarters)} quarters)"
