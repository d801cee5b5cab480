"""A seated party holds its table until it is recorded as gone, beyond its turn."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.core.database.transactions import reading, table_of
from models.core.errors import Busy, NotSeated, StateConflict
from models.entities import Reservation, SeatedTable
from models.integrity.check import findings
from models.operations.stand.arrivals import arrive, finish, mark_no_show, seat
from models.operations.stand.seated_tables import mend_seated_tables
from models.operations.stand.undo import take_back
from models.queries.book.book import book_of
from models.queries.floor.load import restaurant_by_id
from tasks.jobs.stand import STAND_JOBS
from tests.operations.evenings import ONE_TABLE, QUARTER, TWO_TABLES, a_stand, history, told
from tests.services.running.offers import availability
from tests.services.running.stand import START, Stand

pytestmark = pytest.mark.both
NEAR = {"lead_minutes": 0, "reminder_minutes": []}


def minutes(count: float) -> datetime:
    """So long after the start."""
    return START + timedelta(minutes=count)


def sits_at(stand: Stand) -> dict[str, int]:
    """The parties by table, as in the seated tables' key."""
    labels = {table: label for label, table in stand.restaurant.tables.items()}
    with Session(stand.bind) as session:
        rows = session.execute(select(SeatedTable.dining_table_id, SeatedTable.reservation_id))
        return {labels[table]: number for table, number in rows}


def overstayed(stand: Stand) -> int:
    """A 90-minute party that sits at table 1 since START and does not leave."""
    number = stand.book(2, tables=("1",))
    stand.move(seat, number, now=START)
    return number


def sentence(stand: Stand, move: Callable[..., None], number: int, *, now: datetime) -> str:
    """The refusal's text; asserts that nothing was written."""
    before = (stand.row(number).revision, stand.held(number), sits_at(stand), stand.revision())
    with pytest.raises(StateConflict) as refused:
        stand.move(move, number, now=now)
    assert before == (
        stand.row(number).revision, stand.held(number), sits_at(stand), stand.revision()
    )  # fmt: skip
    return refused.value.message


def test_nobody_is_seated_where_somebody_still_sits(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES, policies=NEAR)
    first = overstayed(stand)
    next_ = stand.book(2, tables=("1",), start=minutes(90))
    said = sentence(stand, seat, next_, now=minutes(91))
    assert stand.row(first).reference in said
    assert sits_at(stand) == {"1": first}
    stand.move(seat, first, now=minutes(92), table_ids=(stand.restaurant.tables["2"],))
    stand.move(seat, next_, now=minutes(92))
    assert sits_at(stand) == {"1": next_, "2": first}


def test_a_party_that_has_left_makes_place(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies=NEAR)
    first = overstayed(stand)
    next_ = stand.book(2, tables=("1",), start=minutes(90))
    stand.move(finish, first, now=minutes(95))
    stand.move(seat, next_, now=minutes(96))
    assert sits_at(stand) == {"1": next_}
    stand.move(take_back, next_, now=minutes(97))
    assert sits_at(stand) == {}
    assert stand.row(first).reference not in sentence(stand, take_back, first, now=minutes(98))


def test_a_finish_is_not_taken_back_where_the_next_party_overstays(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies=NEAR)
    first = overstayed(stand)
    stand.move(finish, first, now=minutes(30))
    next_ = stand.book(2, tables=("1",), start=minutes(45), now=minutes(40))
    stand.move(seat, next_, now=minutes(45))
    said = sentence(stand, take_back, first, now=minutes(200))
    assert stand.row(next_).reference in said


def test_a_no_show_does_not_get_a_table_back_at_which_somebody_sits(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies=NEAR)
    first = overstayed(stand)
    next_ = stand.book(2, tables=("1",), start=minutes(90))
    stand.move(mark_no_show, next_, now=minutes(100))
    for move in (arrive, take_back):
        assert stand.row(first).reference in sentence(stand, move, next_, now=minutes(101))


def test_the_table_of_an_overstaying_party_is_not_offered_given_or_promised(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies=NEAR)
    first = overstayed(stand)
    now = minutes(91)

    def offered() -> list[datetime]:
        with reading(stand.bind) as session:
            restaurant = restaurant_by_id(session, stand.restaurant.id)
            slots = availability(session, restaurant, on_date=START.date(), party_size=2, now=now)
            return [slot.starts_at for slot in slots if slot.starts_at <= minutes(120)]

    assert offered() == [minutes(120)]
    with pytest.raises(NotSeated):
        stand.book(2, tables=("1",), start=minutes(90), now=now, walk_in=True)
    with pytest.raises(NotSeated):
        stand.book(2, start=minutes(90), now=now, walk_in=True)
    waits = stand.ask(2, start=minutes(105), now=now)
    assert stand.row(waits).status == "waitlisted"
    stand.move(finish, first, now=now)
    stand.drain(now=now)
    assert stand.row(waits).status == "confirmed"
    assert offered()[:1] != [minutes(105)]


def test_two_parties_at_one_table_are_impossible_even_if_the_code_is_wrong(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies=NEAR)
    overstayed(stand)
    row = {"dining_table_id": stand.restaurant.tables["1"], "reservation_id": 7, "restaurant_id": 1}
    with pytest.raises(IntegrityError):
        stand.plant(insert(table_of(SeatedTable)).values(row))


def everybody_is_waved_through(*_: object) -> None:
    """Simulates an operation that does not check for a seated party."""


def test_the_key_alone_refuses_a_second_party(db: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies=NEAR)
    first = overstayed(stand)
    next_ = stand.book(2, tables=("1",), start=minutes(90))
    patched = "models.operations.stand.arrivals.refuse_if_others_sit"
    monkeypatch.setattr(patched, everybody_is_waved_through)
    with pytest.raises(Busy):
        stand.move(seat, next_, now=minutes(91))
    assert (sits_at(stand), stand.row(next_).status) == ({"1": first}, "confirmed")


def test_control_without_question_and_key_two_parties_sit_at_one_table(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies=NEAR)
    numbers = [overstayed(stand), stand.book(2, tables=("1",), start=minutes(90))]
    for name in ("refuse_if_others_sit", "sit_down"):
        monkeypatch.setattr(f"models.operations.stand.arrivals.{name}", everybody_is_waved_through)
    stand.move(seat, numbers[1], now=minutes(91))
    assert [stand.row(number).status for number in numbers] == ["seated", "seated"]


@pytest.mark.parametrize("by_phone", [False, True], ids=["online", "by phone"])
def test_the_next_party_sits_elsewhere(db: Engine, by_phone: bool) -> None:
    stand = a_stand(db, tables=TWO_TABLES, policies=NEAR)
    first = overstayed(stand)
    next_ = (stand.book if by_phone else stand.ask)(2, start=minutes(90))
    assert stand.held(next_) == {"1": (6, 12)}
    assert STAND_JOBS["make_way"](minutes(89)) == 0
    assert STAND_JOBS["make_way"](minutes(90)) == 1
    assert stand.held(next_) == {"2": (6, 12)}
    assert history(stand, next_)[-1] == ("confirmed", "confirmed", "re_seated")
    assert STAND_JOBS["make_way"](minutes(91)) == 0
    assert sits_at(stand) == {"1": first}
    stand.move(seat, next_, now=minutes(92))
    assert sits_at(stand) == {"1": first, "2": next_}


def test_the_next_party_sits_elsewhere_after_others_moved_and_others_again(db: Engine) -> None:
    tables = dict.fromkeys("1234", ("hall", 1, 2))
    stand = a_stand(db, tables=tables, policies=NEAR)
    overstayed(stand)
    for label, start in (("3", 30), ("4", 60)):
        stand.book(2, tables=(label,), start=minutes(start))
    numbers = [stand.ask(2, start=minutes(start)) for start in (90, 120, 150)]
    assert [list(stand.held(each)) for each in numbers] == [["1"], ["2"], ["3"]]
    assert STAND_JOBS["make_way"](minutes(90)) == 1
    assert [list(stand.held(each)) for each in numbers] == [["2"], ["3"], ["4"]]
    for number in numbers:
        assert history(stand, number)[-1] == ("confirmed", "confirmed", "re_seated")
        assert told(stand, number) == ["confirmation"]
    assert STAND_JOBS["make_way"](minutes(91)) == 0
    with reading(stand.bind) as session:
        assert findings(session, now=minutes(91), grace_seconds=10**6) == []


@pytest.mark.parametrize("by_staff", [False, True], ids=["no other table", "chosen by the staff"])
def test_the_host_is_warned_of_a_party_that_cannot_sit_elsewhere(
    db: Engine, by_staff: bool
) -> None:
    stand = a_stand(db, tables=TWO_TABLES if by_staff else ONE_TABLE, policies=NEAR)
    first = overstayed(stand)
    if by_staff:
        next_ = stand.book(2, tables=("1",), start=minutes(90))
    else:
        next_ = stand.ask(2, start=minutes(90))
    now = minutes(97)
    assert STAND_JOBS["make_way"](now) == 0
    assert stand.held(next_) == {"1": (6, 12)}
    with reading(stand.bind) as session:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        book = book_of(session, restaurant, START.date(), now=now)
    said = {row.id: (row.overstays_minutes, row.warnings) for row in book.reservations}
    assert said == {first: (7, ("overstays",)), next_: (0, ("table_occupied",))}


@pytest.mark.parametrize("how", ["nobody said", "changed since"])
def test_a_party_whose_table_may_have_been_chosen_keeps_it(db: Engine, how: str) -> None:
    stand = a_stand(db, tables=TWO_TABLES | {"3": ("hall", 1, 1)}, policies=NEAR)
    overstayed(stand)
    if how == "nobody said":  # as an older release wrote it
        next_ = stand.book(2, start=minutes(90))
        stand.plant(update(Reservation).where(Reservation.id == next_).values(tables_chosen=None))
    else:  # the decision gives a changed party a table, whoever chose the previous one
        next_ = stand.book(1, tables=("3",), start=minutes(90))
        assert stand.row(next_).tables_chosen is True
        stand.change(next_, party_size=2)
        assert stand.held(next_) == {"1": (6, 12)}
    assert STAND_JOBS["make_way"](minutes(90)) == (how == "changed since")


def test_the_book_asks_whether_a_late_party_came(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies=NEAR | {"no_show_grace_minutes": 20})
    stand.ask(2)
    warned = {}
    for late in (19, 20):
        with reading(stand.bind) as session:
            restaurant = restaurant_by_id(session, stand.restaurant.id)
            (row,) = book_of(session, restaurant, START.date(), now=minutes(late)).reservations
        warned[late] = row.warnings
    assert warned == {19: (), 20: ("not_here",)}


def test_what_an_older_release_left_is_mended(db: Engine) -> None:
    """It seats and finishes beside this release, without writing the key."""
    stand = a_stand(db, tables=TWO_TABLES, policies=NEAR)
    first, second = stand.book(2, tables=("1",)), stand.book(2, tables=("2",))
    for number in (first, second):
        stand.move(seat, number, now=START)
    gone, other = stand.restaurant.tables["1"], stand.restaurant.tables["2"]
    rows = table_of(SeatedTable)
    stand.move(finish, first, now=minutes(30))
    left = {"dining_table_id": gone, "reservation_id": first, "restaurant_id": stand.restaurant.id}
    stand.plant(insert(rows).values(left), rows.delete().where(rows.c.dining_table_id == other))
    next_ = stand.book(2, tables=("1",), start=minutes(45), now=minutes(40))
    assert stand.do(mend_seated_tables) == 2
    assert sits_at(stand) == {"2": second}
    stand.plant(insert(rows).values(left))
    stand.move(seat, next_, now=minutes(45))  # and it is not refused because of it
    assert sits_at(stand) == {"1": next_, "2": second}
    assert stand.do(mend_seated_tables) == 0


def test_it_holds_its_table_for_no_longer_than_the_next_quarter(db: Engine) -> None:
    """Later starts may be promised: the length of its stay is unknown."""
    stand = a_stand(db, tables=ONE_TABLE, policies=NEAR)
    overstayed(stand)
    later = stand.ask(2, start=minutes(90) + 2 * QUARTER, now=minutes(91))
    assert stand.row(later).status == "confirmed"


@pytest.mark.parametrize(("late", "warned"), [(10, ()), (30, ("turn_too_close",))])
def test_the_host_hears_that_the_party_before_sat_down_late(
    db: Engine, late: int, warned: tuple[str, ...]
) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies=NEAR)
    first = stand.book(2)
    next_ = stand.book(2, tables=("1",), start=minutes(90))
    stand.move(seat, first, now=minutes(late))
    said = {}
    for at in (29, 45):  # an hour and a minute before, and later
        with reading(stand.bind) as session:
            restaurant = restaurant_by_id(session, stand.restaurant.id)
            book = book_of(session, restaurant, START.date(), now=minutes(max(at, late)))
        said[at] = {row.id: row.warnings for row in book.reservations}[next_]
    assert said[45] == warned
