"""Guests with confirmed contacts, and the tables held by parties that have not confirmed yet."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Column, Select, bindparam, or_, select, union_all
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import Reservation, TableOccupancy
from models.queries.deciding.covers import planned_stay
from models.queries.deciding.parties import PartyRow
from models.rules.deciding.board import Ask, Board, Outcome
from models.rules.reservations.lifecycle import PACED, Status
from models.rules.restaurant.covers import most_covers
from models.rules.restaurant.restaurant import RestaurantSpec

#: a table in a quarter
Cell = tuple[int, int]
_SEATED = sorted({Status.ARRIVED.value, Status.SEATED.value, Status.FINISHED.value} & set(PACED))


class UnconfirmedParties:
    """Unconfirmed parties, updated during a round. Only for restaurants with `confirm_by_link`."""

    def __init__(self) -> None:
        self._proved: set[tuple[int, bytes]] = set()
        self._held: dict[int, set[Cell]] = defaultdict(set)
        #: where covers are counted: how many of them are unconfirmed, by quarter
        self._covers: dict[int, Counter[int]] = defaultdict(Counter)
        #: reservations of this round by their deadline for confirmation
        self.until: dict[datetime, list[int]] = defaultdict(list)

    def load(self, session: Session, rows: Sequence[PartyRow], books: Mapping[int, Board]) -> None:
        """Load these rows' confirmed contacts, and the cells held unconfirmed.

        Two queries, and one more for restaurants that count covers.
        """
        self._proved |= confirmed_contacts(session, rows)
        for restaurant_id, table, quarter in session.execute(_HELD, {"books": sorted(books)}):
            self._held[restaurant_id].add((table, quarter))
        counted = [book for book, board in books.items() if board.restaurant.covers is not None]
        for row in session.execute(_COUNTED, {"books": counted}) if counted else ():
            restaurant = books[row.book_id].restaurant
            stay = planned_stay(restaurant, row)
            self._covers[restaurant.id].update(dict.fromkeys(stay, row.party_size))

    def must_confirm(self, restaurant: RestaurantSpec, row: PartyRow) -> bool:
        """Return whether this party holds its table only until the deadline for confirmation."""
        asked = restaurant.policies.confirm_by_link and row.source == "online"
        return asked and not any(
            (row.restaurant_id, key) in self._proved for key in (row.email_key, row.phone_key)
        )

    def is_full(self, board: Board, ask: Ask) -> bool:
        """Return whether unconfirmed parties hold their share of the tables in this party's turn.

        The last of them may exceed the share by the additional tables of its combination.
        """
        restaurant = board.restaurant
        if restaurant.covers is not None:
            return self._is_share_full(board, ask)
        tables = sum(table.online for table in restaurant.tables)
        most = max(1, tables * restaurant.policies.unproved_percent // 100)
        turn = range(ask.quarter, ask.quarter + board.held(ask))
        held = {table for table, quarter in self._held[restaurant.id] if quarter in turn}
        return len(held) >= most

    def _is_share_full(self, board: Board, ask: Ask) -> bool:
        """Do the same where covers are counted; the last party may exceed the share, too."""
        restaurant, there = board.restaurant, self._covers[board.restaurant.id]
        whole = most_covers(restaurant, board.sitting.shift) or 0
        most = max(1, whole * restaurant.policies.unproved_percent // 100)
        turn = range(ask.quarter, ask.quarter + board.held(ask))
        return any(there[quarter] >= most for quarter in turn)

    def hold(
        self,
        restaurant: RestaurantSpec,
        row: PartyRow,
        ask: Ask,
        outcome: Outcome,
        *,
        now: datetime,
    ) -> None:
        """Record that this party holds its tables unconfirmed, and its deadline."""
        self.until[confirm_until(restaurant, row, now=now)].append(row.id)
        turn = range(ask.quarter, ask.quarter + outcome.held)
        self._held[restaurant.id] |= {(table, each) for table in outcome.seats for each in turn}
        if restaurant.covers is not None:
            self._covers[restaurant.id].update(dict.fromkeys(turn, ask.party_size))


def confirm_until(restaurant: RestaurantSpec, row: PartyRow, *, now: datetime) -> datetime:
    """Return the deadline for confirmation; the start at the latest."""
    starts_at: datetime = row.starts_at
    return min(now + timedelta(minutes=restaurant.policies.confirm_minutes), starts_at)


def confirmed_contacts(session: Session, rows: Sequence[PartyRow]) -> set[tuple[int, bytes]]:
    """Return (restaurant, contact key) of guests that opened a link or came under that contact."""
    emails = sorted({row.email_key for row in rows if row.email_key})
    phones = sorted({row.phone_key for row in rows if row.phone_key})
    restaurants = sorted({row.restaurant_id for row in rows})
    if not emails and not phones:
        return set()
    wanted = {"emails": emails, "phones": phones, "restaurants": restaurants, "came": _SEATED}
    return {(restaurant, key) for restaurant, key in session.execute(_PROVED, wanted)}


_ROW = table_of(Reservation).c
_CELL = table_of(TableOccupancy).c


def _known(contact: Column[bytes], since: Column[datetime], keys: str) -> Select[int, bytes]:
    return select(_ROW.restaurant_id, contact.label("contact")).where(
        contact.in_(bindparam(keys, expanding=True)),
        _ROW.restaurant_id.in_(bindparam("restaurants", expanding=True)),
        or_(since.is_not(None), _ROW.status.in_(bindparam("came", expanding=True))),
    )


_PROVED = union_all(
    _known(_ROW.email_key, _ROW.email_proved_at, "emails"),
    _known(_ROW.phone_key, _ROW.phone_proved_at, "phones"),
)
_WAITS = (
    _ROW.book_id.in_(bindparam("books", expanding=True)),
    _ROW.status == Status.CONFIRMED.value,
    _ROW.confirm_by.is_not(None),
)
_HELD = (
    select(_CELL.restaurant_id, _CELL.dining_table_id, _CELL.quarter_hour)
    .join_from(_CELL.reservation_id.table, _ROW.id.table, _ROW.id == _CELL.reservation_id)
    .where(*_WAITS)
)
_COUNTED = select(
    _ROW.book_id, _ROW.party_size, _ROW.status, _ROW.starts_at, _ROW.ends_at, _ROW.seated_at
).where(*_WAITS)
