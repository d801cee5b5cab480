"""A round of decisions over locked books: the boards, and the verdicts so far."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.reservations import Reservation
from models.operations.deciding.approvals import Approvals
from models.operations.deciding.books import clear_freed, free_books, touch_books
from models.operations.deciding.verdicts import WORKER, Verdicts
from models.operations.reservations.second_tables import links_to_first
from models.operations.stand.unconfirmed import hold_until
from models.queries.deciding.boards import load_boards
from models.queries.deciding.covers import lock_covers
from models.queries.deciding.movable import LAID, load_movable
from models.queries.deciding.parties import COLUMNS, PartyRow, ask_of
from models.queries.deciding.unconfirmed import UnconfirmedParties
from models.queries.floor.load import restaurants_by_id
from models.queries.guest_book.vips import vips_among
from models.queries.reservations.no_shows import NoShows
from models.queries.reservations.same_guest import SameGuests, load_same_guests
from models.queries.running.flags import is_on
from models.rules.deciding.at_the_door import decide_at_the_door
from models.rules.deciding.board import (
    ALWAYS,
    BLOCKED_REASON,
    Ask,
    Board,
    Outcome,
    Reason,
    Window,
)
from models.rules.deciding.decisions import decide, no_table
from models.rules.deciding.reseating import Budget, Room
from models.rules.deciding.seating import Seats
from models.rules.flags import Flag
from models.rules.reservations.lifecycle import DOOR, Status
from models.rules.restaurant.policies import bookable_quarters
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import quarter_of
from models.rules.restaurant.turn_times import QUARTER_MINUTES, buffer_minutes


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: to a request, to a change or to a waitlisted party (a promotion).

    `asked_at`: when the request or the change was made.
    """

    kind: str
    outcome: str
    reservation_id: int
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """The result of a round. `more`: the lane may hold more than this round decided."""

    count: int = 0
    answers: tuple[Answer, ...] = ()
    awaited: tuple[tuple[str, int], ...] = ()
    messages: int = 0
    more: bool = False
    #: The searches for room on full floors.
    searches: tuple[Room, ...] = ()


class Round:
    """One round of decisions. Collects verdicts in memory; `close` writes them."""

    def __init__(
        self, session: Session, books: Mapping[int, int], *, now: datetime, actor: str = WORKER
    ) -> None:
        """`books` (book id -> restaurant id) are already locked by the caller."""
        self.session = session
        self.now = now
        #: The earliest start, the current quarter: a request made in time may be decided a quarter
        #: late.
        self.earliest = quarter_of(now)
        self.locked = books
        self.restaurants = restaurants_by_id(session, books.values())
        wanted = {book: self.restaurants[restaurant] for book, restaurant in books.items()}
        for restaurant in self.restaurants.values():
            lock_covers(session, restaurant)
        self.boards: dict[int, Board] = load_boards(session, wanted, now=now)
        self.verdicts = Verdicts(now, actor)
        self.touched: dict[int, int] = {}
        self.freed: dict[int, int] = {}
        self.awaited: list[tuple[str, int]] = []
        self.answers: list[Answer] = []
        self.guests = SameGuests()
        self.unconfirmed = UnconfirmedParties()
        self.no_shows = NoShows()
        self.approvals = Approvals(now, by_worker=actor == WORKER)
        self.budget = Budget()
        #: Reservations whose verdict is not written yet: nothing else may be decided on them.
        self.settled: set[int] = set()
        self.again = False
        self._offered: dict[int, Window] = {}

    def promote(self, freed: Collection[int], *, answered: Collection[int] = ()) -> None:
        """Give freed tables of these books to their waitlists, in order (see `vip_first`).

        Parties waitlisted in this round are considered in the next. Parties whose start is nearer
        than a guest may book are skipped: a message so late reaches nobody. `answered`: books of
        which every party concerned is considered in this call.
        """
        if answered:
            clear_freed(self.session, answered)
        if not freed:
            return
        query = (
            select(*COLUMNS)
            .where(
                Reservation.book_id.in_(freed),
                Reservation.status == Status.WAITLISTED,
                Reservation.source != DOOR,  # the host seats who waits at the door
                Reservation.starts_at > self.now,
            )
            .order_by(Reservation.id)
        )
        rows = [row for row in self.session.execute(query) if row.id not in self.settled]
        rows = self._vips_first(rows)
        self.read_guests(rows)
        for row in rows:
            board = self.boards.get(row.book_id)
            if board is None or self.guests.is_blocked(row):
                continue
            if self.guests.conflicts(board.restaurant, row):
                continue
            if not is_on(Flag.WAITLIST_OFFERS, restaurant_id=row.restaurant_id, key=row.id):
                continue
            earliest = max(self.earliest, self.offered(board.restaurant)[0])
            outcome = self._decide_party(board, row, earliest=earliest)
            if outcome.status is Status.CONFIRMED:
                board.leave_waitlist()
                self.settle(board.restaurant, row, outcome, reason="promotion")
                self.answers.append(Answer("promotion", outcome.status.value, row.id))

    def _vips_first(self, rows: list[PartyRow]) -> list[PartyRow]:
        """The waitlist in its order. One query, for restaurants that put VIPs first."""
        asked = [row.id for row in rows if self.restaurants[row.restaurant_id].policies.vip_first]
        vips = vips_among(self.session, asked)
        return sorted(rows, key=lambda row: row.id not in vips)

    def read_guests(self, rows: Sequence[PartyRow]) -> None:
        """Read what is known about these guests, before anything is decided on them."""
        self.guests.add(load_same_guests(self.session, rows))
        asked = [
            row for row in rows if self.restaurants[row.restaurant_id].policies.confirm_by_link
        ]
        if asked:
            self.unconfirmed.load(self.session, asked, self.boards)
        limited = [
            row for row in rows if self.restaurants[row.restaurant_id].policies.no_show_limit
        ]
        if limited:
            self.no_shows.load(self.session, limited, now=self.now)

    def _decide_party(
        self, board: Board, row: PartyRow, *, earliest: int, offered: Window = ALWAYS
    ) -> Outcome:
        """Decide by the rules. Unconfirmed guests get a share of the tables, for a limited time."""
        if self.no_shows.is_over(board.restaurant, row):
            return Outcome(Status.DECLINED, reason=Reason.NO_SHOWS)
        ask = ask_of(row)
        if not self.unconfirmed.must_confirm(board.restaurant, row):
            return self.decide(board, ask, earliest=earliest, offered=offered)
        if self.unconfirmed.is_full(board, ask):
            return no_table(board, ask, Reason.FULL, offered)
        outcome = self.decide(board, ask, earliest=earliest, offered=offered)
        if outcome.status is Status.CONFIRMED:
            self.unconfirmed.hold(board.restaurant, row, ask, outcome, now=self.now)
        return outcome

    def decide_request(self, row: PartyRow) -> None:
        """Decide one request."""
        restaurant = self.restaurants[row.restaurant_id]
        board = self.boards.get(row.book_id)
        if board is None:
            outcome = Outcome(Status.DECLINED, reason=Reason.CLOSED)
        elif self.guests.is_blocked(row):
            ask = replace(ask_of(row), waitlist=False)
            outcome = no_table(board, ask, Reason.FULL, self.offered(restaurant))
        elif self.guests.asks_again(restaurant, row):
            outcome = Outcome(Status.DECLINED, reason=Reason.SAME_GUEST)
            # The guest gets the link to the first reservation instead, at that one's contact.
            self.verdicts.not_notified.add(row.id)
        else:
            offered = self.offered(restaurant)
            outcome = self._decide_party(board, row, earliest=self.earliest, offered=offered)
        reason = outcome.reason.value if outcome.reason else "decision"
        if outcome.reason is Reason.FULL and self.guests.is_blocked(row):
            reason = BLOCKED_REASON  # the guest is told that the restaurant is full
        self.settle(restaurant, row, outcome, reason=reason)
        self.answers.append(Answer("request", outcome.status.value, row.id, row.created_at))
        if row.awaited:
            self.awaited.append(("reservation", row.id))

    def decide(self, board: Board, ask: Ask, *, earliest: int, offered: Window = ALWAYS) -> Outcome:
        """Decide by the rules; if no table is free, load the movable parties and decide again.

        The board is left as it was until the outcome is settled.
        """
        outcome = decide(board, ask, earliest=earliest, offered=offered)
        is_full = outcome.reason in (Reason.FULL, Reason.WAITLIST_FULL)
        if is_full and board.may_move is None and self._load_movable(board):
            outcome = decide(board, ask, earliest=earliest, offered=offered)
        board.count_search(ask, outcome)
        return outcome

    def decide_at_the_door(self, board: Board, ask: Ask, *, tables: Seats = ()) -> Outcome:
        """Decide on a party that is here now; if no table is free, re-seat others if possible."""
        outcome = decide_at_the_door(board, ask, tables=tables)
        is_whole = outcome.status is Status.CONFIRMED and outcome.held == board.held(
            ask, outcome.seats
        )
        if not is_whole and not tables and board.may_move is None and self._load_movable(board):
            outcome = decide_at_the_door(board, ask, tables=tables)
        board.count_search(ask, outcome)
        return outcome

    def _load_movable(self, board: Board) -> bool:
        """Load the movable parties if re-seating is on; return whether it is."""
        restaurant = board.restaurant.id
        if board.restaurant.covers is not None:
            board.may_move = False
            return False
        board.may_move = is_on(Flag.RE_SEATING, restaurant_id=restaurant, key=restaurant)
        if board.may_move:
            board.budget = self.budget
            board.is_exact = is_on(Flag.EXACT_SEATING, restaurant_id=restaurant, key=restaurant)
            load_movable(self.session, board, now=self.now, without=self.settled)
        return board.may_move

    def offered(self, restaurant: RestaurantSpec) -> Window:
        """Return the first and the last quarter that may be offered online now."""
        found = self._offered.get(restaurant.id)
        if found is None:
            found = self._offered[restaurant.id] = bookable_quarters(
                restaurant, now=self.now, online=True
            )
        return found

    def settle(
        self, restaurant: RestaurantSpec, row: PartyRow, outcome: Outcome, *, reason: str
    ) -> None:
        """Apply the outcome to the board, and record the verdict, to be written at the end."""
        self.settled.add(row.id)
        ends_at = row.ends_at
        if (board := self.boards.get(row.book_id)) is not None:
            board.apply(ask_of(row), outcome)
        if outcome.status is not Status.DECLINED:
            self.touched[row.book_id] = row.restaurant_id
        if outcome.status is Status.CONFIRMED:
            board = self.boards[row.book_id]
            if row.source == "online" and row.starts_at >= self.now + LAID:
                board.may_be_moved(row.id, ask_of(row), outcome.seats, outcome.held)
            ends_at = row.starts_at + _turn_of(board, row, outcome)
            reason = self.approvals.reason(board, row, outcome, reason)
            self.guests.confirmed(row)
        self.verdicts.decided(restaurant, row, outcome, ends_at=ends_at, reason=reason)

    def close(self, *, more: bool) -> Decided:
        """Write the verdicts and return a summary of the round."""
        if self.verdicts.left:
            moved = select(*COLUMNS).where(COLUMNS[0].in_(self.verdicts.left))
            for row in self.session.execute(moved):
                self.verdicts.reseated(row)
        firsts = self.guests.firsts(without=self.settled)
        self.verdicts.messages += links_to_first(self.session, firsts, now=self.now)
        self.verdicts.write(self.session)
        hold_until(self.session, self.unconfirmed.until)
        self.approvals.write(self.session)
        if self.touched:
            touch_books(self.session, self.touched)
        if self.freed:
            free_books(self.session, self.freed, now=self.now)
        return Decided(
            count=len(self.settled),
            answers=tuple(self.answers),
            awaited=tuple(self.awaited),
            messages=len(self.verdicts.messages),
            searches=tuple(room for board in self.boards.values() for room in board.searches),
            more=more or self.again or bool(self.freed),
        )


def _turn_of(board: Board, row: PartyRow, outcome: Outcome) -> timedelta:
    """Return the party's turn at its tables; a walk-in may have a shorter one."""
    buffer = buffer_minutes(board.restaurant.policies, board.sitting.shift)
    given = outcome.held * QUARTER_MINUTES - buffer
    return timedelta(minutes=min(board.turn(ask_of(row), outcome.seats), given))
