"""Every verb of the API about parties and the evening, as one step of a script.

The verbs are read from the published routes: one that has no step here fails a test.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any, Final

from models.core.errors import MaitredError
from models.operations.door.calling import call_to_table
from models.operations.door.joining import DoorRequest, join
from models.operations.door.leaving import leave_list, pass_over
from models.operations.evening.blocks import Quarters, block_tables, lift_block
from models.operations.evening.cancelling import cancel_parties
from models.operations.evening.closing import Closing, close_tonight
from models.operations.evening.limits import reopen_books, sittings_of, stop_online
from models.operations.evening.sections import divide_tables
from models.operations.reservations.changes import cancel_reservation
from models.operations.reservations.staff_changes import change_by_staff
from models.operations.stand.approving import approve, decline
from models.operations.stand.arrivals import arrive, finish, mark_no_show, seat
from models.operations.stand.confirming import confirm_waitlisted
from models.operations.stand.party_details import arrive_partly, expect_late, record_spend
from models.operations.stand.undo import take_back
from models.operations.stand.walk_ins import seat_walk_in
from models.operations.tables.assigning import assign_tables, swap_tables
from models.operations.tables.forcing import Force
from models.operations.tables.lengthening import Length, change_turn
from models.operations.tables.locking import set_lock
from models.operations.tables.seating import seat_at
from models.queries.floor.load import restaurant_by_id
from models.rules.evening.acts import Fate
from models.rules.reservations.requests import GuestDetails, TableChange, TableRequest
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import quarter_of
from schedules.jobs import jobs
from tasks.app import app
from tests.services.running.stand import STAFF, START, Stand

QUARTER: Final = timedelta(minutes=15)
_OPENAPI: Final = Path(__file__).parents[3] / "web" / "openapi.json"
_CHANGES: Final = {"post", "patch", "put", "delete"}
#: Changes that touch neither a party's state nor its tables: (first words of the route, why).
ELSEWHERE: Final = {
    "/auth/": "accounts",
    "/restaurants/{slug}/files/": "the restaurant's pictures",
    "/restaurants/{slug}/flags/": "switches",
    "/restaurants/{slug}/guests/": "a guest's identity",
    "/restaurants/{slug}/messages/": "messages that failed",
    "/reservations/{reservation_id}/consent": "a guest's consent to marketing",
    "/reservations/{reservation_id}/link": "a message",
}


def published() -> set[str]:
    """Return the verbs of the API, as `post /reservations/{reservation_id}/seat`."""
    paths = json.loads(_OPENAPI.read_text())["paths"]
    routes = {
        (method, path.removeprefix("/api/v1"))
        for path, methods in paths.items()
        for method in methods.keys() & _CHANGES
    }
    return {f"{method} {path}" for method, path in routes if not path.startswith(tuple(ELSEWHERE))}


@dataclass(slots=True)
class Evening:
    """A script's restaurant, its parties so far, and the blocks made."""

    stand: Stand
    parties: list[int] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)

    def party(self, which: int) -> int:
        """Return a party of the script."""
        return self.parties[which % len(self.parties)]

    def table(self, which: int) -> int:
        """Return the id of a table."""
        ids = sorted(self.stand.restaurant.tables.values())
        return ids[which % len(ids)]

    def tonight(self, operation: Callable[..., Any], **given: Any) -> None:
        """Run an operation that is about the evening's books, and decide what it freed."""

        def work(session: Any, restaurant: RestaurantSpec, *, now: datetime) -> None:
            sittings = sittings_of(restaurant, START.date(), None)
            operation(session, restaurant, sittings, now=now, actor=STAFF, **given)

        now = given.pop("now")
        self.at_restaurant(work, now=now)
        self.stand.drain(now=now)

    def at_restaurant(self, operation: Callable[..., Any], **given: Any) -> Any:
        """Run an operation that is about the restaurant."""

        def work(session: Any) -> Any:
            restaurant: RestaurantSpec = restaurant_by_id(session, self.stand.restaurant.id)
            return operation(session, restaurant, **given)

        return self.stand.do(work)


Do = Callable[[Evening, int, datetime], object]


@dataclass(frozen=True, slots=True)
class Step:
    """What a script may do, and the published verb that it is. No verb: nobody presses it."""

    do: Do
    verb: str | None = None


def start_of(which: int) -> datetime:
    return START + QUARTER * (which % 5)


def next_quarter(now: datetime) -> datetime:
    """The first quarter of an hour that begins at `now` or later."""
    return START + ceil((now - START) / QUARTER) * QUARTER


def run_clock(stand: Stand, now: datetime) -> None:
    """Run every scheduled job but backups by its task, and the lane."""
    stand.drain(now=now)
    app.loader.import_default_modules()
    for job in jobs(3, backups=False):
        app.tasks[job.task](*job.args)
    stand.drain(now=now)


def _ask(evening: Evening, which: int, now: datetime) -> None:
    # for a quarter that has not begun: the script's clock only goes forward
    start = max(start_of(which), next_quarter(now))
    evening.parties.append(evening.stand.ask(1 + which % 3, start=start, now=now))


def _book(evening: Evening, which: int, now: datetime) -> None:
    evening.parties.append(evening.stand.book(1 + which % 3, start=start_of(which), now=now))


def _book_long(evening: Evening, which: int, now: datetime) -> None:
    start, turn = start_of(which), 30 + 60 * (which % 5)
    number = evening.stand.book(1 + which % 3, start=start, now=now, turn_minutes=turn)
    evening.parties.append(number)


def _change_turn(evening: Evening, which: int, now: datetime) -> None:
    change = TableChange(turn_minutes=45 * (which % 4))
    evening.stand.move(partial(change_by_staff, change=change), evening.party(which), now=now)


def _cancel(evening: Evening, which: int, now: datetime, *, by_staff: bool) -> None:
    if not by_staff:
        evening.stand.cancel(evening.party(which), now=now)
        return
    evening.stand.move(partial(cancel_reservation, by_staff=True), evening.party(which), now=now)
    evening.stand.drain(now=now)


def _wish(evening: Evening, which: int, now: datetime) -> None:
    # the current start is no change, or withdraws the pending one
    evening.stand.wish_or_withdraw(evening.party(which), now=now, starts_at=start_of(which))
    evening.stand.drain(now=now)


def _change(evening: Evening, which: int, now: datetime) -> None:
    change = TableChange(party_size=1 + which % 4)
    evening.stand.move(partial(change_by_staff, change=change), evening.party(which), now=now)


def _move(operation: Callable[..., Any], **given: Any) -> Do:
    """A verb of one party."""

    def do(evening: Evening, which: int, now: datetime) -> None:
        evening.stand.move(operation, evening.party(which), now=now, **given)

    return do


def _walk_in(evening: Evening, which: int, now: datetime) -> None:
    number = len(evening.parties)
    guest = GuestDetails(name="", email=None, phone=None)
    asked = TableRequest(party_size=1 + which % 3, starts_at=now, guest=guest)
    given = {"request": asked, "key": f"in-{number}", "body": b"x", "now": now, "actor": STAFF}
    evening.parties.append(evening.at_restaurant(seat_walk_in, **given)[0].reservation_id)


def _late(evening: Evening, which: int, now: datetime) -> None:
    until = start_of(which) + QUARTER if which % 3 else None
    evening.stand.move(partial(expect_late, until=until), evening.party(which), now=now)


def _spend(evening: Evening, which: int, now: datetime) -> None:
    evening.stand.move(partial(record_spend, amount=which), evening.party(which), now=now)


def _seat_at_1(evening: Evening, which: int, now: datetime) -> None:
    evening.stand.move(seat, evening.party(which), now=now, table_ids=(evening.table(0),))


def _at_table(operation: Callable[..., Any], **given: Any) -> Do:
    """A verb that gives one party one table."""

    def do(evening: Evening, which: int, now: datetime) -> None:
        tables = (evening.table(which // 2),)
        evening.stand.move(operation, evening.party(which), now=now, table_ids=tables, **given)
        evening.stand.drain(now=now)

    return do


def _swap(evening: Evening, which: int, now: datetime) -> None:
    other = evening.party(which + 1)
    evening.stand.move(swap_tables, evening.party(which), now=now, other_id=other)
    evening.stand.drain(now=now)


def _extend(evening: Evening, which: int, now: datetime) -> None:
    length = Length(minutes=(which % 5 - 1) * 15)
    evening.stand.move(change_turn, evening.party(which), now=now, length=length)
    evening.stand.drain(now=now)


def _join(evening: Evening, which: int, now: datetime, *, actor: str) -> None:
    number = len(evening.parties)
    email = f"door{number}@example.com"
    guest = GuestDetails(name=f"Door {number}", email=email, phone=None)
    asked = DoorRequest(party_size=1 + which % 3, guest=guest)
    given = {"request": asked, "key": f"door-{number}", "body": b"x", "now": now, "actor": actor}
    evening.parties.append(evening.at_restaurant(join, **given).reservation_id)


def _block(evening: Evening, which: int, now: datetime) -> None:
    first = quarter_of(now) + which % 3
    made = evening.at_restaurant(
        block_tables,
        tables=(evening.table(which),),
        span=Quarters(first, first + 4 * (1 + which)),
        reason="rain",
        move=which % 2 == 0,
        now=now,
        actor=STAFF,
    )
    evening.blocks.append(made.block.id)


def _lift(evening: Evening, which: int, now: datetime) -> None:
    if evening.blocks:
        block = evening.blocks[which % len(evening.blocks)]
        evening.at_restaurant(lift_block, block_id=block, now=now, actor=STAFF)
        evening.stand.drain(now=now)


def _stop(evening: Evening, which: int, now: datetime) -> None:
    limit = {"first": quarter_of(start_of(which)), "covers": 2 * (which % 2), "reason": "full"}
    evening.tonight(stop_online, now=now, **limit)


def _close(evening: Evening, which: int, now: datetime) -> None:
    closing = Closing(
        quarter_of(start_of(which)),
        "a fire",
        tuple(Fate)[which % len(Fate)],
        "Sorry.",
        notify=which > 2,
        begun=which % 3 == 0,
    )
    evening.tonight(close_tonight, now=now, closing=closing)


def _reopen(evening: Evening, which: int, now: datetime) -> None:
    evening.tonight(reopen_books, now=now, may_open=True)


def _divide(evening: Evening, which: int, now: datetime) -> None:
    servers = {evening.table(each): f"server {each % (1 + which % 3)}" for each in range(3)}

    def work(session: Any, restaurant: RestaurantSpec) -> None:
        (sitting, *_) = sittings_of(restaurant, START.date(), None)
        divide_tables(session, restaurant, sitting, servers, now=now, actor=STAFF)

    evening.at_restaurant(work)


def _cancel_many(evening: Evening, which: int, now: datetime) -> None:
    both = {evening.party(which), evening.party(which + 1)}
    told = {"message": "Sorry.", "notify": which % 2 == 0}
    evening.at_restaurant(cancel_parties, ids=both, now=now, actor=STAFF, **told)
    evening.stand.drain(now=now)


def _the_clock(evening: Evening, which: int, now: datetime) -> None:
    run_clock(evening.stand, now)


_PARTY: Final = "/reservations/{reservation_id}"
_HERE: Final = "/restaurants/{slug}"
STEPS: Final[dict[str, Step]] = {
    "the clock": Step(_the_clock),
    "ask": Step(_ask, f"post {_HERE}/reservations"),
    "book": Step(_book, f"post {_HERE}/book/reservations"),
    "cancel": Step(partial(_cancel, by_staff=False), f"post {_PARTY}/cancel"),
    "cancel by staff": Step(partial(_cancel, by_staff=True), f"post {_PARTY}/cancel"),
    "wish": Step(_wish, f"patch {_PARTY}"),
    "book long": Step(_book_long, f"post {_HERE}/book/reservations"),
    "change turn": Step(_change_turn, f"patch {_PARTY}"),
    "change": Step(_change, f"patch {_PARTY}"),
    "arrive": Step(_move(arrive), f"post {_PARTY}/arrive"),
    "arrive partly": Step(_move(arrive_partly, covers=1), f"post {_PARTY}/arrive"),
    "walk in": Step(_walk_in, f"post {_HERE}/book/reservations"),
    "spend": Step(_spend, f"post {_PARTY}/spend"),
    "late": Step(_late, f"post {_PARTY}/late"),
    "seat": Step(_move(seat), f"post {_PARTY}/seat"),
    "seat at 1": Step(_seat_at_1, f"post {_PARTY}/seat"),
    "seat over": Step(_at_table(seat_at), f"post {_PARTY}/seat"),
    "assign": Step(_at_table(assign_tables), f"post {_PARTY}/assign"),
    "overlap": Step(
        _at_table(assign_tables, force=Force(squeeze=True, overlap=True, text="a host")),
        f"post {_PARTY}/assign",
    ),
    "swap": Step(_swap, f"post {_PARTY}/swap"),
    "lock": Step(_move(set_lock, locked=True), f"post {_PARTY}/lock"),
    "unlock": Step(_move(set_lock, locked=False), f"post {_PARTY}/unlock"),
    "extend": Step(_extend, f"post {_PARTY}/extend"),
    "open end": Step(_move(change_turn, length=Length()), f"post {_PARTY}/extend"),
    "finish": Step(_move(finish), f"post {_PARTY}/finish"),
    "no-show": Step(_move(mark_no_show), f"post {_PARTY}/no-show"),
    "take back": Step(_move(take_back), f"post {_PARTY}/take-back"),
    "confirm": Step(_move(confirm_waitlisted), f"post {_PARTY}/confirm"),
    "approve": Step(_move(approve), f"post {_PARTY}/approve"),
    "decline": Step(_move(decline, message="Sorry."), f"post {_PARTY}/decline"),
    "door": Step(partial(_join, actor=STAFF), f"post {_HERE}/door"),
    "door by link": Step(partial(_join, actor="guest"), f"post {_HERE}/door/join"),
    "ready": Step(_move(call_to_table), f"post {_PARTY}/ready"),
    "pass over": Step(_move(pass_over, why="too large"), f"post {_PARTY}/pass-over"),
    "leave": Step(_move(leave_list), f"post {_PARTY}/leave"),
    "block": Step(_block, f"post {_HERE}/blocks"),
    "lift": Step(_lift, f"post {_HERE}/blocks/{{block_id}}/lift"),
    "stop": Step(_stop, f"post {_HERE}/book/stop"),
    "close": Step(_close, f"post {_HERE}/book/close"),
    "reopen": Step(_reopen, f"post {_HERE}/book/reopen"),
    "sections": Step(_divide, f"put {_HERE}/book/sections"),
    "cancel many": Step(_cancel_many, f"post {_HERE}/book/cancel"),
}


def step(evening: Evening, what: str, which: int, now: datetime) -> None:
    """Do one step. One that is refused has no effect."""
    try:
        STEPS[what].do(evening, which, now)
    except MaitredError:
        pass
