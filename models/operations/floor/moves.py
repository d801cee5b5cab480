"""Move parties that a changed file would hurt to other books, areas and tables."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.entities.reservations import Reservation, ReservationChange
from models.operations.deciding.books import lock_books, touch_books
from models.operations.deciding.verdicts import Verdicts
from models.operations.floor.parties import Concern, new_objections
from models.operations.floor.tables import seat_elsewhere
from models.queries.deciding.parties import COLUMNS, PartyRow
from models.queries.deciding.standing import Upcoming
from models.rules.deciding.board import Outcome
from models.rules.deciding.objection import AGREED, HOPELESS, PLACE, Objection, Party
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import find_sitting


@dataclass(slots=True)
class _Moved:
    """A party to move: as it was, as it follows the file, and the objections that remain."""

    concern: Concern
    party: Party
    left: tuple[Objection, ...] = ()
    done: list[str] = field(default_factory=list)

    @property
    def who(self) -> Upcoming:
        """The party in its current state."""
        return replace(self.concern.who, party=self.party)


def move_parties(
    session: Session,
    before: RestaurantSpec,
    after: RestaurantSpec,
    hurt: Iterable[Concern],
    *,
    now: datetime,
    actor: str,
) -> tuple[Concern, ...]:
    """Move the parties that can be moved; return all of them, each with its outcome.

    A party follows its start into another shift and its renamed area, and gets other tables if its
    own no longer suit it. Waitlisted parties whose wait is now hopeless expire and are notified.
    Requests and pending changes are left to their lane. All others stay as they are. The books
    concerned are already locked.
    """
    moved = [_Moved(each, _followed(before, after, each.who.party)) for each in hurt]
    books = {number: after.id for each in moved for number in _books(each)}
    if not books:
        return ()
    lock_books(session, books)
    _follow(session, after, moved)
    for each in moved:
        new = new_objections(before, after, each.concern.who.party, each.party)
        each.left = tuple(objection for objection in new if objection.code not in AGREED)
    verdicts = Verdicts(now, actor)
    _seat(session, after, moved, verdicts, now=now)
    _expire_hopeless(session, after, moved, verdicts)
    verdicts.write(session)
    touch_books(session, books)
    return tuple(replace(each.concern, outcome=_outcome(each)) for each in moved)


def _books(moved: _Moved) -> set[int]:
    return {moved.concern.who.party.book_id, moved.party.book_id}


def _followed(before: RestaurantSpec, after: RestaurantSpec, party: Party) -> Party:
    """Return the party in the book that its start now belongs to, and in its renamed area."""
    sitting = None if party.walk_in else find_sitting(after, party.starts_at)
    book = sitting.book_id if sitting else party.book_id
    area = party.area_id
    if area is not None and area not in after.area_by_id:
        area = _renamed(before, after, area) or area
    return replace(party, book_id=book, area_id=area)


def _renamed(before: RestaurantSpec, after: RestaurantSpec, area_id: int) -> int | None:
    """Return the new area with all the tables of one that is gone: it was given another key.

    An area that existed before is another room, and no party is moved there without its consent.
    """
    own = {table.id for table in before.tables if table.area_id == area_id}
    areas = {table.area_id for table in after.tables if table.id in own}
    fresh = areas - before.area_by_id.keys()
    return fresh.pop() if len(areas) == len(fresh) == 1 else None


def _follow(session: Session, after: RestaurantSpec, moved: Iterable[_Moved]) -> None:
    """Write the books and areas that differ, and add them to the outcome."""
    rows: dict[tuple[bool, int, int | None], list[int]] = defaultdict(list)
    for each in moved:
        was, party, wish = each.concern.who.party, each.party, each.concern.who.wish_id
        if was.book_id != party.book_id:
            sitting = find_sitting(after, party.starts_at)
            each.done.append(f"is now in shift {sitting.shift.key if sitting else '?'}")
        if was.area_id != party.area_id and party.area_id is not None:
            each.done.append(f"now requests area {after.area_by_id[party.area_id].key}")
        if each.done:
            key = (wish is not None, party.book_id, party.area_id)
            rows[key].append(each.concern.who.id if wish is None else wish)
    for (is_wish, book, area), ids in rows.items():
        entity = ReservationChange if is_wish else Reservation
        change = update(entity).where(entity.id.in_(ids)).values(book_id=book, area_id=area)
        session.execute(change.execution_options(synchronize_session=False))


def _seat(
    session: Session,
    after: RestaurantSpec,
    moved: Sequence[_Moved],
    verdicts: Verdicts,
    *,
    now: datetime,
) -> None:
    """Find other tables for confirmed, upcoming parties with objections to their tables only."""
    wanting = [
        each
        for each in moved
        if each.party.status is Status.CONFIRMED
        and each.party.starts_at > now
        and each.left
        and all(objection.code in PLACE for objection in each.left)
    ]
    given = seat_elsewhere(session, after, [each.who for each in wanting], verdicts)
    for row in _rows(session, given):
        verdicts.reseated(row)
    for each in wanting:
        if seats := given.get(each.who.id):
            labels = " + ".join(after.table_by_id[number].label for number in seats)
            each.done.append(f"now has table {labels}")
            each.left = ()


def _expire_hopeless(
    session: Session, after: RestaurantSpec, moved: Iterable[_Moved], verdicts: Verdicts
) -> None:
    """Expire and notify parties that wait for something that can never become free."""
    ended = {
        each.who.id: each
        for each in moved
        if each.party.status is Status.WAITLISTED
        and any(objection.code in HOPELESS for objection in each.left)
    }
    for row in _rows(session, ended):
        outcome = Outcome(Status.EXPIRED)
        verdicts.decided(after, row, outcome, ends_at=row.ends_at, reason="expired")
        ended[row.id].done.append("removed from the waitlist and notified")
        ended[row.id].left = ()


def _rows(session: Session, ids: Mapping[int, object]) -> Sequence[PartyRow]:
    return session.execute(select(*COLUMNS).where(COLUMNS[0].in_(sorted(ids)))).all() if ids else ()


def _outcome(moved: _Moved) -> str:
    """Return the party's outcome in words."""
    done = list(moved.done)
    if moved.left:
        waits = moved.party.status is Status.REQUESTED
        done.append("left to the allocation lane" if waits else f"unchanged: {moved.left[0].words}")
    return "; ".join(done)
