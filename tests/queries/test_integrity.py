"""The integrity check: no finding in a sound database, and one for each planted fault."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select, text, update
from sqlalchemy.orm import Session

from models.core.database.transactions import reading
from models.entities import (
    Assignment,
    Message,
    Reservation,
    ReservationMove,
    Restaurant,
    ShiftDay,
    TableOccupancy,
)
from models.integrity.check import AT_MOST, RULES, findings
from models.integrity.checks import history
from models.integrity.checks.waiting import PASSED_BY
from models.operations.reservations.changes import edit_details
from models.operations.stand.arrivals import arrive, finish, seat
from models.operations.stand.undo import take_back
from models.rules.reservations.lifecycle import OVER_AFTER
from models.rules.reservations.requests import GuestDetails
from models.rules.restaurant.sittings import quarter_of
from tests.queries.evening import GRACE, LATER, check, open_evening, play, send_due
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import NOW, START, Stand

pytestmark = pytest.mark.both
Found = set[tuple[str, tuple[int, ...]]]
PHONE = "+15550100"
#: a day before the guests arrive
DAY_BEFORE = START - timedelta(days=1)
Q = quarter_of(START)
#: an id that no test database reaches
NOBODY = 999_999_999


@pytest.fixture
def stand(db: Engine, restaurant: Callable[..., OpenRestaurant]) -> Stand:
    """Eight tables and one combination, a buffer, pacing."""
    return open_evening(restaurant, db)


def found(stand: Stand, *, now: Any = DAY_BEFORE) -> Found:
    """Return the findings, without their texts."""
    return {(each.rule, each.ids) for each in check(stand, now=now)}


def settle(stand: Stand) -> None:
    """Mark all messages that are due by the day before as sent."""
    send_due(stand, until=DAY_BEFORE)


@pytest.fixture
def two(stand: Stand) -> tuple[int, int]:
    """Two parties of two at seven, confirmed and notified; the first has a phone number too."""
    numbers = stand.ask(2, phone=PHONE), stand.ask(2)
    settle(stand)
    assert found(stand) == set()
    return numbers


# --- sound databases


def test_an_empty_database_is_in_order(db: Engine) -> None:
    with reading() as session:
        assert findings(session, now=NOW, grace_seconds=0) == []


def test_a_whole_evening_is_in_order(stand: Stand) -> None:
    play(stand)
    with Session(stand.bind) as session:
        seen = set(session.scalars(select(Reservation.status)))
    assert seen >= {
        "confirmed", "seated", "declined", "finished", "no_show", "cancelled", "expired"
    }  # fmt: skip
    assert check(stand, now=LATER + timedelta(seconds=30)) == []


def test_two_evenings_at_once_are_in_order(
    stand: Stand, db: Engine, restaurant: Callable[..., OpenRestaurant]
) -> None:
    play(stand)
    play(open_evening(restaurant, db, slug="other"))
    assert check(stand, now=LATER + timedelta(seconds=30)) == []


def test_what_waits_has_its_grace(stand: Stand) -> None:
    number = stand.request(2)
    just, late = NOW + timedelta(seconds=GRACE), NOW + timedelta(seconds=GRACE + 1)
    assert found(stand, now=just) == set()
    assert found(stand, now=late) == {("undecided", (number,))}
    stand.drain()
    assert found(stand, now=just) == set()
    assert found(stand, now=late) == {("message-late", (number,))}


def test_the_connection_goes_back_as_it_was(db: Engine) -> None:
    def level() -> str:
        with db.connect() as connection:
            return str(connection.get_isolation_level())

    before = level()
    with reading() as session:
        findings(session, now=NOW, grace_seconds=0)
    assert level() == before


def test_a_change_meanwhile_does_not_confuse_it(
    two: tuple[int, int], stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = vars(history)["read_steps"]

    def cancel_and_read(*place: Any) -> Any:
        stand.cancel(two[0], now=DAY_BEFORE)
        return read(*place)

    monkeypatch.setattr(history, "read_steps", cancel_and_read)
    assert found(stand) == set()
    assert stand.row(two[0]).status == "cancelled"


# --- tables


def test_two_parties_at_one_table(two: tuple[int, int], stand: Stand) -> None:
    first, second = two
    stand.plant(
        update(Assignment)
        .where(Assignment.reservation_id == second)
        .values(dining_table_id=stand.restaurant.tables["1"])
    )
    assert found(stand) == {
        ("table-twice", (first, second)),
        ("occupancy-missing", (second,)),
        ("occupancy-orphan", (second,)),
    }


@pytest.mark.parametrize(("after", "overlap"), [(60, True), (75, True), (90, False)])
def test_two_parties_at_one_table_one_after_the_other(
    two: tuple[int, int], stand: Stand, after: int, overlap: bool
) -> None:
    first = two[0]
    third = stand.ask(2, start=START + timedelta(minutes=after))
    settle(stand)
    where = update(Assignment).where(Assignment.reservation_id == third)
    stand.plant(where.values(dining_table_id=stand.restaurant.tables["1"]))
    # after 90 minutes only the buffer is missing: no two parties share a table
    assert (("table-twice", (first, third)) in found(stand)) is overlap


def test_two_parties_sit_at_one_table(stand: Stand) -> None:
    overstays = stand.book(2, tables=("1",), start=START - timedelta(minutes=75))
    stand.move(seat, overstays, now=START - timedelta(minutes=75))
    late, now = stand.ask(2), START + timedelta(minutes=31)
    stand.move(seat, late, now=now)
    stand.drain(now=now)
    send_due(stand, until=now)
    assert found(stand, now=now) == set()
    to_the_first = {"dining_table_id": stand.restaurant.tables["1"]}
    stand.plant(
        delete(TableOccupancy).where(TableOccupancy.quarter_hour < quarter_of(now)),
        update(Assignment).where(Assignment.reservation_id == late).values(**to_the_first),
        update(TableOccupancy).where(TableOccupancy.reservation_id == late).values(**to_the_first),
    )
    # by its turn the first party has left, and by its hold the second has the table
    assert found(stand, now=now) == {("seated-twice", (overstays, late))}


def test_a_party_that_sat_down_early_at_a_table_of_another(stand: Stand) -> None:
    before = stand.book(2, tables=("2",), start=START - timedelta(minutes=105))
    early, now = stand.book(2, tables=("1",)), START - timedelta(minutes=20)
    stand.move(seat, early, now=now)
    send_due(stand, until=now)
    assert found(stand, now=now) == set()
    where = update(Assignment).where(Assignment.reservation_id == before)
    stand.plant(where.values(dining_table_id=stand.restaurant.tables["1"]))
    assert ("table-twice", (before, early)) in found(stand, now=now)


def test_back_to_back_is_not_twice(stand: Stand) -> None:
    stand.book(2, tables=("1",))
    stand.book(2, tables=("1",), start=START + timedelta(minutes=105))
    settle(stand)
    assert found(stand) == set()


def test_a_party_that_has_left_still_had_the_table(two: tuple[int, int], stand: Stand) -> None:
    first, second = two
    for number in two:
        stand.move(seat, number, now=START)
        stand.move(finish, number, now=START + timedelta(minutes=60))
    stand.drain(now=LATER)
    send_due(stand, until=LATER)
    assert found(stand, now=LATER) == set()
    stand.plant(
        update(Assignment)
        .where(Assignment.reservation_id == second)
        .values(dining_table_id=stand.restaurant.tables["1"])
    )
    assert found(stand, now=LATER) == {("table-twice", (first, second))}


def test_one_quarter_held_twice(two: tuple[int, int], stand: Stand) -> None:
    first, second = two
    with without(stand, TableOccupancy, "PRIMARY KEY"):
        stand.plant(
            text(
                "INSERT INTO table_occupancy "
                "(dining_table_id, quarter_hour, reservation_id, restaurant_id) "
                f"VALUES ({stand.restaurant.tables['1']}, {Q}, {second}, {stand.restaurant.id})"
            )
        )
        assert found(stand) == {("table-twice", (first, second)), ("occupancy-orphan", (second,))}


@pytest.mark.parametrize("quarter", [Q, Q + 5, Q + 6], ids=["first", "last", "buffer"])
def test_a_quarter_is_missing(two: tuple[int, int], stand: Stand, quarter: int) -> None:
    mine = TableOccupancy.reservation_id == two[0]
    stand.plant(delete(TableOccupancy).where(mine, TableOccupancy.quarter_hour == quarter))
    assert found(stand) == {("occupancy-missing", (two[0],))}


def test_a_quarter_too_much(two: tuple[int, int], stand: Stand) -> None:
    stand.plant(occupancy(stand, "1", Q + 7, two[0]))
    assert found(stand) == {("occupancy-orphan", (two[0],))}


def test_past_quarters_may_be_gone(two: tuple[int, int], stand: Stand) -> None:
    stand.move(seat, two[0], now=START)
    stand.move(seat, two[1], now=START)
    stand.plant(delete(TableOccupancy).where(TableOccupancy.quarter_hour < Q + 2))
    send_due(stand, until=START + timedelta(minutes=30))
    assert found(stand, now=START + timedelta(minutes=30)) == set()


def test_a_cancelled_party_still_holds_its_table(two: tuple[int, int], stand: Stand) -> None:
    stand.cancel(two[0])
    settle(stand)
    assert found(stand) == set()
    stand.plant(occupancy(stand, "1", Q + 1, two[0]))
    assert found(stand) == {("occupancy-orphan", (two[0],))}


def test_no_table_at_all(two: tuple[int, int], stand: Stand) -> None:
    stand.plant(
        delete(Assignment).where(Assignment.reservation_id == two[0]),
        delete(TableOccupancy).where(TableOccupancy.reservation_id == two[0]),
    )
    assert found(stand) == {("no-table", (two[0],))}


def test_too_small_a_table(stand: Stand) -> None:
    number = stand.ask(6)
    settle(stand)
    stand.plant(text("UPDATE dining_tables SET max_party = 5 WHERE label = '8'"))
    assert found(stand) == {("misfit", (number,))}


def test_tables_that_are_no_combination_for_such_a_party(stand: Stand) -> None:
    number = stand.ask(8)
    settle(stand)
    assert found(stand) == set()
    stand.plant(text("UPDATE combinations SET max_party = 7"))
    assert found(stand) == {("misfit", (number,))}


def test_two_tables_for_a_party_that_one_would_seat(stand: Stand) -> None:
    number = stand.ask(3)
    settle(stand)
    stand.plant(Assignment(reservation_id=number, dining_table_id=stand.restaurant.tables["6"]))
    assert found(stand) == {("misfit", (number,)), ("occupancy-missing", (number,))}


def test_the_host_may_seat_anybody_anywhere(stand: Stand) -> None:
    number = stand.ask(4)
    stand.book(4, tables=("2",))
    stand.move(seat, number, now=START, table_ids=(stand.restaurant.tables["1"],))
    send_due(stand, until=START)
    assert found(stand, now=START) == set()
    stand.move(take_back, number, now=START)
    assert found(stand, now=START) == set()


# --- pacing


def test_more_covers_than_the_pacing_allows(stand: Stand) -> None:
    numbers = tuple(stand.ask(2) for _ in range(5))
    settle(stand)
    change_policies(stand, pacing={"covers": 10})
    assert found(stand) == set()
    change_policies(stand, pacing={"covers": 9})
    assert found(stand) == {("pacing", numbers)}


@pytest.mark.parametrize("limit", [{"parties": 1}, {"online_covers": 3}], ids=str)
def test_more_parties_or_online_covers(
    two: tuple[int, int], stand: Stand, limit: dict[str, int]
) -> None:
    change_policies(stand, pacing=limit | {"covers": None})
    assert found(stand) == {("pacing", two)}


def test_a_shift_has_its_own_pacing(two: tuple[int, int], stand: Stand) -> None:
    stand.plant(text("""UPDATE shifts SET overrides = '{"pacing": {"covers": 3}}'"""))
    assert found(stand) == {("pacing", two)}


def test_the_staff_may_go_over_the_pacing(two: tuple[int, int], stand: Stand) -> None:
    change_policies(stand, pacing={"covers": 4})
    stand.book(4, force_pacing=True)
    settle(stand)
    assert found(stand) == set()


def test_an_older_file_allowed_it(two: tuple[int, int], stand: Stand) -> None:
    change_policies(
        stand, pacing={"covers": 3}, buffer_minutes=45, reminder_minutes=[600], turn_times=None
    )
    stand.plant(text("UPDATE dining_tables SET min_party = 2, max_party = 9, label = label"))
    assert {rule for rule, _ in found(stand)} == {
        "pacing", "occupancy-missing", "message-missing", "message-without-cause"
    }  # fmt: skip
    stand.plant(update(Restaurant).values(revised_at=NOW + timedelta(hours=1)))
    assert found(stand) == set()


# --- decisions and messages


def test_a_wish_that_nobody_decides(two: tuple[int, int], stand: Stand) -> None:
    stand.wish(two[0], party_size=1)
    assert found(stand) == {("undecided", (two[0],))}


@pytest.mark.parametrize("status", ["waitlisted", "confirmed", "arrived", "seated"])
def test_a_party_that_is_left_over_when_its_evening_has_ended(stand: Stand, status: str) -> None:
    number = stand.ask(6)
    if status == "waitlisted":
        stand.ask(6)
        number, ends = stand.ask(6), START
    else:
        moves = {"arrived": arrive, "seated": seat}
        if status in moves:
            stand.move(moves[status], number, now=START)
        ends = stand.row(number).ends_at + OVER_AFTER
    assert stand.row(number).status == status
    due = ends + PASSED_BY
    send_due(stand, until=due)

    def is_left_over(now: datetime) -> bool:
        return ("overdue", (number,)) in found(stand, now=now)

    assert [is_left_over(due), is_left_over(due + timedelta(seconds=1))] == [False, True]


def test_a_freed_book_that_nobody_looked_at(two: tuple[int, int], stand: Stand) -> None:
    stand.plant(update(ShiftDay).values(freed_at=NOW))
    assert found(stand) == {("undecided", ())}


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_a_decision_that_was_not_told(two: tuple[int, int], stand: Stand, channel: str) -> None:
    stand.plant(delete(Message).where(*message(two[0], "confirmation", channel)))
    assert found(stand) == {("message-missing", (two[0],))}


@pytest.mark.parametrize("after", ["declined", "waitlisted", "cancelled", "changed", "refused"])
def test_any_news_must_be_told(stand: Stand, after: str) -> None:
    number = stand.ask(6)
    if after in ("declined", "waitlisted"):
        stand.ask(5, area_key="terrace")
    if after == "declined":
        number = stand.ask(5, area_key="terrace", waitlist=False)
    elif after == "waitlisted":
        number = stand.ask(5, area_key="terrace")
    elif after == "cancelled":
        stand.cancel(number)
    elif after == "changed":
        stand.change(number, starts_at=START + timedelta(minutes=30))
    else:
        after = "change_refused"
        stand.book(8)
        stand.change(number, party_size=8)
    settle(stand)
    assert found(stand) == set()
    stand.plant(delete(Message).where(*message(number, after, "email")))
    assert found(stand) == {("message-missing", (number,))}


def test_a_reminder_is_missing(two: tuple[int, int], stand: Stand) -> None:
    stand.plant(delete(Message).where(*message(two[0], "reminder", "sms"), Message.variant == 180))
    assert found(stand) == {("message-missing", (two[0],))}


def test_a_decision_told_twice(two: tuple[int, int], stand: Stand) -> None:
    with without(stand, Message, "uq_messages_once"):
        repeat(stand, two[0], "confirmation")
        assert found(stand) == {("message-twice", (two[0],))}
        stand.plant(delete(Message).where(Message.provider_id == "again"))
        repeat(stand, two[1], "reminder")
        assert found(stand) == {("message-twice", (two[1],))}


@pytest.mark.parametrize(
    "change",
    [{"reservation_revision": 3}, {"kind": "declined"}, {"channel": "sms"}],
    ids=["revision", "kind", "channel"],
)
def test_news_without_a_cause(two: tuple[int, int], stand: Stand, change: dict[str, Any]) -> None:
    repeat(stand, two[1], "confirmation", **change)
    assert found(stand) == {("message-without-cause", (two[1],))}


@pytest.mark.parametrize(
    "change",
    [{"reservation_revision": 3}, {"variant": 60}, {"channel": "sms"}],
    ids=["revision", "variant", "channel"],
)
def test_a_reminder_without_a_cause(
    two: tuple[int, int], stand: Stand, change: dict[str, Any]
) -> None:
    repeat(stand, two[1], "reminder", **change)
    assert found(stand) == {("message-without-cause", (two[1],))}


@pytest.mark.parametrize(
    "state",
    [
        {"state": "queued"},
        {"state": "failed", "error": ""},
        {"state": "skipped", "error": None},
        {"state": "sent", "sent_at": None},
        {"state": "lost"},
    ],
    ids=lambda state: str(state["state"]),
)
def test_a_message_that_got_stuck(
    two: tuple[int, int], stand: Stand, state: dict[str, Any]
) -> None:
    unsent = {} if state["state"] == "sent" else {"sent_at": None}
    is_one = message(two[0], "confirmation", "sms")
    stand.plant(update(Message).where(*is_one).values(**unsent | state))
    assert found(stand) == {("message-late", (two[0],))}


def test_messages_that_ended_for_a_reason(two: tuple[int, int], stand: Stand) -> None:
    one, other = (message(two[0], "confirmation", channel) for channel in ("sms", "email"))
    stand.plant(
        update(Message).where(*one).values(state="failed", error="no such number", sent_at=None),
        update(Message).where(*other).values(state="queued", due_at=START, sent_at=None),
    )
    assert found(stand) == set()


def test_a_claim_for_ever(two: tuple[int, int], stand: Stand) -> None:
    of_one = update(Message).where(*message(two[0], "confirmation", "sms"))
    sending = of_one.values(state="sending", due_at=DAY_BEFORE, claim="x", sent_at=None)
    stand.plant(sending.values(claimed_until=DAY_BEFORE - timedelta(seconds=GRACE)))
    assert found(stand) == set()
    stand.plant(of_one.values(claimed_until=DAY_BEFORE - timedelta(seconds=GRACE + 1)))
    assert found(stand) == {("stuck-claim", (two[0],))}


def test_a_guest_who_gave_another_contact_is_judged_by_the_one_of_the_day(stand: Stand) -> None:
    number = stand.ask(2)
    contact(stand, number, email=None, phone=PHONE)
    stand.change(number, starts_at=START + timedelta(minutes=30))
    contact(stand, number, email="two@example.com", phone=PHONE)
    stand.cancel(number)
    settle(stand)
    assert found(stand) == set()
    stand.plant(delete(Message).where(*message(number, "cancelled", "sms")))
    assert found(stand) == {("message-missing", (number,))}


def test_what_was_told_before_the_edit_is_still_known(stand: Stand) -> None:
    number = stand.ask(2)
    contact(stand, number, email=None, phone=PHONE)
    settle(stand)
    stand.plant(delete(Message).where(*message(number, "confirmation", "email")))
    assert ("message-missing", (number,)) in found(stand)


def test_a_guest_of_the_staff_may_have_no_contact(stand: Stand) -> None:
    number = stand.book(2, email=None)
    assert found(stand) == set()
    contact(stand, number, email="late@example.com", phone=None)
    send_due(stand, until=NOW)
    assert found(stand) == set()


def test_a_contact_that_came_later_must_have_been_told(stand: Stand) -> None:
    number = stand.book(2, email=None)
    contact(stand, number, email="late@example.com", phone="+4930123456")
    send_due(stand, until=NOW)
    gone = delete(Message).where(Message.channel == "sms")
    stand.plant(gone.where(Message.kind == "confirmation"))
    assert found(stand) == {("message-missing", (number,))}


def test_the_contact_of_before_must_have_been_told(stand: Stand) -> None:
    number = stand.ask(2, email="old@example.com")
    send_due(stand, until=NOW)
    contact(stand, number, email="new@example.com", phone=None)
    send_due(stand, until=NOW)
    assert found(stand) == set()
    stand.plant(delete(Message).where(Message.kind == "contact_changed"))
    assert found(stand) == {("message-missing", (number,))}


# --- moves and references


def test_the_last_move_is_missing(two: tuple[int, int], stand: Stand) -> None:
    stand.plant(delete(ReservationMove).where(ReservationMove.reservation_id == two[0]))
    rules = found(stand)
    assert ("moves", (two[0],)) in rules
    assert {ids for _, ids in rules} == {(two[0],)}


@pytest.mark.parametrize(
    "fault",
    [
        update(Reservation).values(status="arrived"),
        update(Reservation).values(revision=7),
        update(ReservationMove).values(revision=1),
        update(ReservationMove).values(before="waitlisted"),
        update(ReservationMove).values(before="requested", after="seated"),
        update(ReservationMove).values(before="requested", after="nowhere"),
    ],
    ids=["status", "revision", "no rise", "begin", "leap", "nowhere"],
)
def test_moves_that_do_not_lead_there(two: tuple[int, int], stand: Stand, fault: Any) -> None:
    entity = fault.entity_description["entity"]
    key = Reservation.id if entity is Reservation else ReservationMove.reservation_id
    stand.plant(fault.where(key == two[0]))
    assert ("moves", (two[0],)) in found(stand)
    assert {ids for _, ids in found(stand)} == {(two[0],)}


@pytest.mark.parametrize(
    "faults",
    [
        {"seated": {"before": "arrived"}},
        {"seated": {"revision": 2}},
        {"confirmed": {"after": "declined"}, "seated": {"before": "declined"}},
    ],
    ids=["gap", "no rise", "leap"],
)
def test_moves_that_go_wrong_on_the_way(stand: Stand, faults: dict[str, Any]) -> None:
    number = stand.ask(2, email=None, phone=PHONE)
    stand.move(seat, number, now=START)
    stand.move(finish, number, now=START)
    stand.drain(now=START)
    send_due(stand, until=START)
    assert found(stand, now=START) == set()
    own = ReservationMove.reservation_id == number
    with Session(stand.bind) as session:
        query = select(ReservationMove.after, ReservationMove.id).where(own)
        ids = {row.after: row.id for row in session.execute(query)}
    for after, values in faults.items():
        stand.plant(
            update(ReservationMove).where(ReservationMove.id == ids[after]).values(**values)
        )
    assert ("moves", (number,)) in found(stand, now=START)


@pytest.mark.parametrize(
    "fault",
    [
        {"restaurant_id": NOBODY},
        {"area_id": NOBODY},
        {"book_id": NOBODY * 100_000 + 20_000},
    ],
    ids=lambda fault: next(iter(fault)),
)
def test_a_reservation_that_names_nothing(
    two: tuple[int, int], stand: Stand, fault: dict[str, int]
) -> None:
    stand.plant(update(Reservation).where(Reservation.id == two[0]).values(**fault))
    assert ("reference", (two[0],)) in found(stand)


def test_occupancy_and_messages_of_nobody(two: tuple[int, int], stand: Stand) -> None:
    stand.plant(occupancy(stand, "8", Q, NOBODY))
    assert found(stand) == {("reference", (NOBODY,)), ("occupancy-orphan", (NOBODY,))}
    stand.plant(delete(TableOccupancy).where(TableOccupancy.reservation_id == NOBODY))
    repeat(stand, two[0], "confirmation", reservation_id=NOBODY + 1)
    assert found(stand) == {("reference", (NOBODY + 1,))}


def test_occupancy_of_no_table(two: tuple[int, int], stand: Stand) -> None:
    first = occupancy(stand, "1", Q, two[0])
    first.dining_table_id = NOBODY
    stand.plant(first)
    assert found(stand) == {("reference", (two[0],))}


# --- the list of rules


def test_every_finding_is_of_a_known_rule_and_says_which_rows(
    two: tuple[int, int], stand: Stand
) -> None:
    stand.plant(delete(Message), delete(ReservationMove))
    for each in check(stand, now=DAY_BEFORE):
        assert each.rule in RULES
        assert str(each.ids[0]) in each.text


def test_the_list_has_an_end(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    assert AT_MOST == 1_000
    monkeypatch.setattr("models.integrity.check.AT_MOST", 2)
    for _ in range(3):
        stand.request(2)
    assert [each.rule for each in check(stand, now=DAY_BEFORE)] == ["undecided"] * 2


# --- helpers that plant faults


def message(number: int, kind: str, channel: str) -> tuple[Any, ...]:
    return Message.reservation_id == number, Message.kind == kind, Message.channel == channel


def occupancy(stand: Stand, label: str, quarter: int, number: int) -> TableOccupancy:
    return TableOccupancy(
        dining_table_id=stand.restaurant.tables[label],
        quarter_hour=quarter,
        reservation_id=number,
        restaurant_id=stand.restaurant.id,
    )


def repeat(stand: Stand, number: int, like_kind: str, /, **change: Any) -> None:
    """Plant a copy of the party's first message of this kind, with `change` applied."""
    with Session(stand.bind) as session:
        query = select(Message).where(Message.reservation_id == number, Message.kind == like_kind)
        like = session.scalars(query.order_by(Message.id)).first()
        assert like is not None
        values = {
            column.key: getattr(like, column.key)
            for column in Message.__table__.columns
            if column.key != "id"
        }
    stand.plant(Message(**values | {"provider_id": "again"} | change))


def change_policies(stand: Stand, **policies: Any) -> None:
    """Change the restaurant's file without signalling it."""
    kept = {"buffer_minutes": 15} | {k: v for k, v in policies.items() if v is not None}
    stand.plant(update(Restaurant).values(policies=kept, revision=Restaurant.revision + 1))


def contact(stand: Stand, number: int, *, email: str | None, phone: str | None) -> None:
    guest = GuestDetails(name="Ada", email=email, phone=phone)
    stand.do(lambda session: edit_details(session, number, guest=guest, now=NOW, actor="guest"))


@contextmanager
def without(stand: Stand, entity: Any, key: str) -> Iterator[None]:
    """Drop a key for the block. It is not restored on SQLite, whose file belongs to one test."""
    name, bind = entity.__tablename__, stand.bind
    sqlite = bind.dialect.name == "sqlite"
    with bind.begin() as connection:
        if sqlite:
            columns = ", ".join(
                f"{column.name} INTEGER PRIMARY KEY" if column.name == "id" else column.name
                for column in entity.__table__.columns
            )
            connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO old")
            connection.exec_driver_sql(f"CREATE TABLE {name} ({columns})")
            connection.exec_driver_sql(f"INSERT INTO {name} SELECT * FROM old")
        else:
            dropped = key if key == "PRIMARY KEY" else f"INDEX {key}"
            connection.exec_driver_sql(f"ALTER TABLE {name} DROP {dropped}")
    yield
    if sqlite:
        return
    names = {
        "PRIMARY KEY": "ADD PRIMARY KEY (dining_table_id, quarter_hour)",
        "uq_messages_once": "ADD UNIQUE INDEX uq_messages_once "
        "(reservation_id, reservation_revision, kind, channel, variant)",
    }
    with bind.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM {name}")
        connection.exec_driver_sql(f"ALTER TABLE {name} {names[key]}")
