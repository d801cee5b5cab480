"""What a new file would take from parties that count on it: refused, with their references."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import chain

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from models.core.errors import FieldProblem, StateConflict
from models.entities.floor import DiningTable
from models.entities.reservations import Assignment, Reservation
from models.entities.shifts import ShiftDay
from models.operations.books import lock_books
from models.operations.floor_shapes import RestaurantFile
from models.rules.house import House, split_book_id
from models.rules.lifecycle import HOLDING, Status

_NAMED = 5
_DAY = timedelta(days=1)
Labels = frozenset[str]


@dataclass(frozen=True, slots=True)
class _Floor:
    """What seats whom, by labels, and when the house is closed."""

    zone: str
    shifts: frozenset[str]
    #: a set of tables -> the party ranges for which it may be given
    seats: Mapping[Labels, frozenset[tuple[int, int]]]
    closed: frozenset[tuple[date, str]]

    @property
    def tables(self) -> Labels:
        """The labels of all tables."""
        return frozenset(chain.from_iterable(labels for labels in self.seats if len(labels) == 1))

    def fits(self, labels: Labels, party_size: int) -> bool:
        """Whether an online party of that size may have exactly these tables."""
        ranges = self.seats.get(labels, frozenset())
        return any(least <= party_size <= most for least, most in ranges)

    def lacks(self, before: "_Floor") -> bool:
        """Whether this floor takes anything away that the one before offered."""
        narrower = any(
            ranges - self.seats.get(labels, frozenset()) for labels, ranges in before.seats.items()
        )
        gone = before.shifts - self.shifts or self.closed - before.closed
        return bool(narrower or gone or self.zone != before.zone)


@dataclass(slots=True)
class _Party:
    """A party that counts on its shift, and perhaps on its tables."""

    reference: str
    status: Status
    party_size: int
    starts_at: datetime
    shift_id: int
    service_date: date
    labels: set[str] = field(default_factory=set)


def refuse_if_held(session: Session, house: House, file: RestaurantFile, *, now: datetime) -> None:
    """Raise StateConflict naming the upcoming reservations that the new file would disappoint.

    Locks the books concerned first, so that no decision gives away what is about to go. Parties
    at tables of the host's own choice only need the tables to stay.
    """
    before, after = _floor_of(house), _floor_in(file)
    if not after.lacks(before):
        return
    books = _books(session, house, now=now)
    if not books:
        return
    lock_books(session, books)
    shifts = {shift.id: shift.key for shift in house.shifts}
    found: dict[str, list[_Party]] = defaultdict(list)
    for party in _parties(session, books, now=now):
        for name in _lost(party, shifts.get(party.shift_id, ""), before, after):
            found[name].append(party)
    if found:
        problems = tuple(_problem(house, name, parties) for name, parties in found.items())
        lines = "; ".join(f"{problem.field} {problem.message}" for problem in problems)
        raise StateConflict(f"reservations need what the file takes away: {lines}", fields=problems)


def _floor_of(house: House) -> _Floor:
    label = {table.id: table.label for table in house.tables}
    seats: dict[Labels, set[tuple[int, int]]] = defaultdict(set)
    for table in house.tables:
        seats[frozenset({table.label})].add((table.min_party, table.max_party))
    for each in house.combinations:
        labels = frozenset(label.get(table_id, "") for table_id in each.table_ids)
        seats[labels].add((each.min_party, each.max_party))
    closed = {(closure.on_date, closure.shift_key or "") for closure in house.closures}
    shifts = frozenset(shift.key for shift in house.shifts)
    return _Floor(house.zone, shifts, _frozen(seats), frozenset(closed))


def _floor_in(file: RestaurantFile) -> _Floor:
    seats: dict[Labels, set[tuple[int, int]]] = defaultdict(set)
    for table in file.tables:
        seats[frozenset({table.label})].add((table.min_party, table.max_party))
    for each in file.combinations:
        seats[frozenset(each.tables)].add((each.min_party, each.max_party))
    closed = {(closure.date, closure.shift or "") for closure in file.closures}
    shifts = frozenset(shift.key for shift in file.shifts)
    return _Floor(file.zone, shifts, _frozen(seats), frozenset(closed))


def _frozen(
    seats: Mapping[Labels, set[tuple[int, int]]],
) -> dict[Labels, frozenset[tuple[int, int]]]:
    return {labels: frozenset(ranges) for labels, ranges in seats.items()}


def _books(session: Session, house: House, *, now: datetime) -> dict[int, int]:
    """The open books from yesterday on.

    None can be opened meanwhile: its row refers to the restaurant's, which the caller has locked.
    """
    first = now.astimezone(house.tz).date() - _DAY
    query = select(ShiftDay.id).where(
        ShiftDay.restaurant_id == house.id, ShiftDay.service_date >= first
    )
    return dict.fromkeys(session.scalars(query), house.id)


def _parties(session: Session, books: Iterable[int], *, now: datetime) -> Iterable[_Party]:
    row = Reservation
    waits = and_(row.status == Status.WAITLISTED, row.starts_at > now)
    holds = and_(row.status.in_(sorted(HOLDING)), row.ends_at > now)
    query = (
        select(
            row.id,
            row.reference,
            row.status,
            row.party_size,
            row.starts_at,
            row.book_id,
            DiningTable.label,
        )
        .outerjoin(Assignment, Assignment.reservation_id == row.id)
        .outerjoin(DiningTable, DiningTable.id == Assignment.dining_table_id)
        .where(row.book_id.in_(sorted(books)), or_(waits, holds))
        .order_by(row.starts_at, row.id)
    )
    parties: dict[int, _Party] = {}
    for number, reference, status, size, starts_at, book, label in session.execute(query):
        party = parties.setdefault(
            number, _Party(reference, Status(status), size, starts_at, *split_book_id(book))
        )
        if label is not None and party.status in HOLDING:
            party.labels.add(label)
    return parties.values()


def _lost(party: _Party, shift_key: str, before: _Floor, after: _Floor) -> Iterable[str]:
    """The names of what this party counts on and the new file has no longer."""
    if after.zone != before.zone:
        yield "zone"
    if shift_key not in after.shifts:
        yield f"shift {shift_key}"
    days = {(party.service_date, ""), (party.service_date, shift_key)}
    if days & (after.closed - before.closed):
        yield f"closure {party.service_date}"
    gone = party.labels - after.tables
    for label in sorted(gone):
        yield f"table {label}"
    labels, size = frozenset(party.labels), party.party_size
    if not gone and before.fits(labels, size) and not after.fits(labels, size):
        yield f"table {' + '.join(sorted(labels))}"


def _problem(house: House, name: str, parties: list[_Party]) -> FieldProblem:
    words = [
        f"{party.reference} ({party.starts_at.astimezone(house.tz):%Y-%m-%d %H:%M},"
        f" party of {party.party_size}, {party.status})"
        for party in parties[:_NAMED]
    ]
    more = f" and {len(parties) - _NAMED} more" if len(parties) > _NAMED else ""
    return FieldProblem(name, f"is held by {', '.join(words)}{more}")
