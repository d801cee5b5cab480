"""Blocked tables: nobody is given them, parties that have them move or are listed."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session

from models.core.database.transactions import reading
from models.core.errors import Invalid, NotFound, NotSeated, RevisionConflict, StateConflict
from models.entities import BlockKept, EveningAct
from models.integrity.check import findings
from models.operations.evening.blocks import Blocked, Quarters, block_tables, lift_block
from models.operations.stand.arrivals import arrive, seat
from models.operations.tables.locking import set_lock
from models.queries.book.book import book_of
from models.queries.evening.acts import acts_of
from models.queries.floor.load import restaurant_by_id
from models.rules.restaurant.sittings import quarter_of
from tests.operations.evenings import HOUR, ONE_TABLE, TWO_TABLES, a_stand, history, rows_of
from tests.services.running.offers import availability
from tests.services.running.stand import NOW, STAFF, START, Stand

pytestmark = pytest.mark.both
NEAR = {"lead_minutes": 0, "reminder_minutes": []}
#: a hall of two tables for two, and a terrace of one
TERRACE = {"1": ("hall", 1, 2), "2": ("hall", 1, 2), "t": ("terrace", 1, 2)}


def span(hours_before: float = 1, hours_after: float = 4) -> Quarters:
    """From before START until after it."""
    first = quarter_of(START - timedelta(hours=hours_before))
    return Quarters(first, quarter_of(START + timedelta(hours=hours_after)) - 1)


def block(stand: Stand, *tables: str, now: datetime = NOW, **more: Any) -> Blocked:
    """Block these tables around START."""
    ids = tuple(stand.restaurant.tables[label] for label in tables)
    given: dict[str, Any] = {"span": span(), "reason": "a broken leg", "move": False} | more

    def work(session: Session) -> Blocked:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        return block_tables(session, restaurant, tables=ids, now=now, actor=STAFF, **given)

    return stand.do(work)


def lift(stand: Stand, number: int, *, now: datetime = NOW) -> None:
    def work(session: Session) -> None:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        lift_block(session, restaurant, number, now=now, actor=STAFF)

    stand.do(work)


def offered(stand: Stand) -> list[datetime]:
    """The starts that two guests are offered that day."""
    with reading(stand.bind) as session:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        found = availability(session, restaurant, on_date=START.date(), party_size=2, now=NOW)
    return [slot.starts_at for slot in found]


def moved(stand: Stand, made: Blocked) -> dict[int, list[str]]:
    """The new tables of each party of the block; [] if it stays."""
    labels = {number: label for label, number in stand.restaurant.tables.items()}
    return {each.party.id: [labels[table] for table in each.after] for each in made.parties}


def checked(stand: Stand, *, now: datetime = NOW) -> list[str]:
    """The rules that `maitred check` finds broken."""
    with reading(stand.bind) as session:
        return [each.rule for each in findings(session, now=now, grace_seconds=10**6)]


def test_a_blocked_table_is_offered_and_given_to_nobody(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    assert START in offered(stand)
    block(stand, "1")
    assert START not in offered(stand)
    assert stand.row(stand.ask(waitlist=False)).reason == "full"
    with pytest.raises(NotSeated):
        stand.book(2)
    with pytest.raises(NotSeated):
        stand.book(2, tables=("1",))
    assert checked(stand) == []


def test_the_hours_outside_a_block_stay_bookable(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    block(stand, "1", span=Quarters(quarter_of(START), quarter_of(START + HOUR) - 1))
    free = offered(stand)
    assert START + HOUR in free
    assert START + timedelta(minutes=45) not in free
    # a turn of 90 minutes that would reach into the block
    assert START - timedelta(minutes=75) not in free
    assert START - timedelta(minutes=90) in free


def test_a_lifted_block_gives_the_table_to_the_waitlist_first(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    made = block(stand, "1")
    first = stand.ask()
    assert stand.row(first).status == "waitlisted"
    lift(stand, made.block.id)
    second = stand.request()
    stand.drain()
    assert [stand.row(each).status for each in (first, second)] == ["confirmed", "waitlisted"]
    before = stand.revision()
    lift(stand, made.block.id)  # again: nothing
    assert stand.revision() == before
    assert checked(stand) == []


def test_the_same_block_again_does_nothing(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    made, before = block(stand, "1"), stand.revision()
    again = block(stand, "1")
    assert (again.block.id, again.parties) == (made.block.id, ())
    assert stand.revision() == before
    assert rows_of(stand, EveningAct) == 1
    assert block(stand, "1", "2").block.id != made.block.id


def test_a_block_is_refused_while_a_party_has_the_table(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number = stand.book(2, tables=("1",))
    before = stand.revision()
    with pytest.raises(StateConflict) as refused:
        block(stand, "1")
    assert f"reservation {number}" in refused.value.message
    assert stand.revision() == before
    block(stand, "2")  # nobody has this one


def test_parties_move_to_free_tables_and_the_others_are_listed(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    first, second = stand.ask(), stand.ask()
    assert sorted((*stand.held(first), *stand.held(second))) == ["1", "2"]
    made = block(stand, "1", move=True)
    at_1 = first if "1" in stand.held(first) else second
    assert moved(stand, made) == {at_1: []}
    assert rows_of(stand, BlockKept) == 1
    stand.cancel(second if at_1 == first else first)
    again = block(stand, "1", move=True, span=span(hours_before=2))
    assert moved(stand, again) == {at_1: ["2"]}
    assert stand.held(at_1).keys() == {"2"}
    assert history(stand, at_1)[-1] == ("confirmed", "confirmed", "re_seated")
    assert checked(stand) == []


def test_a_table_that_its_last_party_leaves_stays_blocked(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    number = stand.ask()
    block(stand, "1", move=True)
    waits = stand.ask()
    stand.cancel(number)
    assert stand.row(waits).status == "waitlisted"
    assert START not in offered(stand)


def test_another_party_makes_room_for_one_that_must_move(db: Engine) -> None:
    tables = {"1": ("hall", 1, 2), "2": ("hall", 1, 4), "3": ("hall", 1, 2)}
    stand = a_stand(db, tables=tables)
    big = stand.book(4)
    pair = stand.book(2, tables=("1",))
    assert stand.held(big).keys() == {"2"}
    made = block(stand, "1", move=True)
    assert moved(stand, made) == {pair: ["3"]}
    assert checked(stand) == []


def test_a_terrace_party_moves_inside_and_the_host_learns_it(db: Engine) -> None:
    stand = a_stand(db, tables=TERRACE)
    number = stand.ask(area_key="terrace")
    made = block(stand, "t", move=True, reason="rain")
    assert [(each.after != (), each.left_area) for each in made.parties] == [(True, True)]
    assert stand.row(number).area_id is None
    assert checked(stand) == []


def test_a_party_that_sits_stays_and_the_table_is_blocked_after_it(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES, policies=NEAR)
    number = stand.book(2, tables=("1",))
    stand.move(seat, number, now=START)
    now = START + timedelta(minutes=20)
    made = block(
        stand, "1", move=True, now=now, span=Quarters(quarter_of(now), quarter_of(now) + 9)
    )
    assert moved(stand, made) == {number: []}
    assert checked(stand, now=now) == []


def test_a_party_that_is_locked_to_its_table_stays(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    party = stand.ask()
    (label,) = stand.held(party)
    stand.move(set_lock, party, now=NOW, locked=True)
    made = block(stand, label, move=True)
    assert moved(stand, made) == {party: []}
    assert checked(stand) == []


def test_a_party_is_not_seated_at_a_blocked_table(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number = stand.book(2, tables=("2",))
    block(stand, "1")
    with pytest.raises(StateConflict) as refused:
        stand.move(seat, number, now=START, table_ids=(stand.restaurant.tables["1"],))
    assert "blocked: 1" in refused.value.message
    stand.move(seat, number, now=START)


def test_a_late_turn_ends_where_the_block_begins(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    number = stand.book(2)
    begins = START + timedelta(minutes=90)
    block(stand, "1", span=Quarters(quarter_of(begins), quarter_of(begins) + 7))
    stand.move(seat, number, now=START + timedelta(minutes=30))
    assert stand.held(number) == {"1": (0, 6)}
    assert stand.row(number).ends_at == begins


def test_a_party_that_kept_its_table_may_still_be_seated_there(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    number = stand.book(2)
    assert moved(stand, block(stand, "1", move=True)) == {number: []}
    stand.move(arrive, number, now=START)
    stand.move(seat, number, now=START + timedelta(minutes=30))
    assert stand.row(number).status == "seated"
    assert checked(stand, now=START + timedelta(minutes=30)) == []


def test_re_seating_moves_nobody_to_a_blocked_table_or_away_from_one(db: Engine) -> None:
    tables = {"1": ("hall", 1, 4), "2": ("hall", 1, 2)}
    stand = a_stand(db, tables=tables)
    pair = stand.ask(2)
    assert stand.held(pair).keys() == {"2"}
    stand.cancel(pair)
    block(stand, "2")
    pair = stand.ask(2)
    assert stand.held(pair).keys() == {"1"}
    assert stand.row(stand.ask(4, waitlist=False)).reason == "full"


def test_a_change_of_a_party_that_stayed_does_not_free_its_table_for_it(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    first = stand.book(2, tables=("1",))
    second = stand.ask()
    block(stand, "1", move=True)
    stand.cancel(second)
    stand.change(first, starts_at=START + timedelta(minutes=15))
    assert stand.held(first).keys() == {"2"}


def test_the_check_names_a_party_that_has_a_blocked_table(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    number = stand.ask()
    assert moved(stand, block(stand, "1", move=True)) == {number: []}
    assert checked(stand) == []
    stand.plant(delete(BlockKept))
    assert checked(stand) == ["blocked"]


def test_the_book_shows_the_block_and_the_history_says_who_made_it(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    made = block(stand, "1")
    with reading(stand.bind) as session:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        view = book_of(session, restaurant, START.date(), now=NOW)
        acts = acts_of(session, restaurant.id, START.date())
    assert [each.reason for each in view.tables[0].blocks] == ["a broken leg"]
    assert [(each.act, each.actor, each.detail["block"]) for each in acts] == [
        ("block", STAFF, made.block.id)
    ]


def test_a_block_refuses_wrong_times_and_stale_revisions(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    begin = quarter_of(START)
    for wrong, field in (
        (Quarters(begin, begin - 1), "until"),
        (Quarters(quarter_of(NOW) - 9, quarter_of(NOW) - 1), "until"),
        (Quarters(begin, begin + 31 * 96), "until"),
    ):
        with pytest.raises(Invalid) as refused:
            block(stand, "1", span=wrong)
        assert [each.field for each in refused.value.fields] == [field]
    with pytest.raises(Invalid):
        block(stand)
    with pytest.raises(RevisionConflict):
        block(stand, "1", if_revision=stand.revision() + 1)
    block(stand, "1", if_revision=stand.revision())
    with pytest.raises(NotFound):
        lift(stand, 999_999)
