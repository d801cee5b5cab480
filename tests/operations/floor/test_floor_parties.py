"""A changed file and the parties affected by it: refused, listed, moved."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from models.entities import Message, Reservation, ReservationChange
from models.operations.floor.file import read_restaurant
from models.operations.floor.load import Loaded, apply_file
from models.operations.floor.parties import PartiesHurt
from models.operations.stand.arrivals import arrive, seat
from models.queries.deciding.standing import upcoming
from models.rules.deciding.objection import AGREED, Code
from models.rules.deciding.standing import objections
from models.rules.restaurant.restaurant import split_book_id
from tests.operations.deciding.small import (
    SMALL,
    a_small_stand,
    in_one,
    instead,
    load,
    restaurant_of,
    without,
)
from tests.services.running.stand import NOW, START, Stand

HOUR = timedelta(hours=1)
DINNER = (
    '[[shifts]]\nkey = "dinner"\nname = "Dinner"\nfirst = "17:00"\nlast = "21:30"\nends = "23:45"\n'
)
TABLE_2 = '{ label = "2", area = "hall", min_party = 2, max_party = 4 }'
TABLE_3 = '  { label = "3", area = "yard", min_party = 2, max_party = 4 },\n'
JOINED = 'combinations = [{ label = "2+3", tables = ["2", "3"], min_party = 5, max_party = 8 }]'
YARD = '{ key = "yard", name = "Yard" }'


@pytest.fixture
def stand(db: Engine) -> Stand:
    """SMALL, with its tables and shifts at the stand."""
    return a_small_stand(db)


def apply(text: str, *, move: bool = False, dry_run: bool = False) -> Loaded:
    file = read_restaurant(text)
    return in_one(lambda session: apply_file(session, file, now=NOW, move=move, dry_run=dry_run))


def refused(text: str) -> PartiesHurt:
    before = restaurant_of()
    with pytest.raises(PartiesHurt) as hurt:
        load(text)
    assert restaurant_of() == before
    return hurt.value


def fields(text: str) -> list[str]:
    return [problem.field for problem in refused(text).fields]


def shift(key: str, first: str, last: str, *more: str) -> str:
    times = f'first = "{first}"\nlast = "{last}"\nends = "23:45"\n'
    return f'\n[[shifts]]\nkey = "{key}"\nname = "{key}"\n{times}' + "\n".join(more) + "\n"


# --- hours


HOURS = {
    "special hours": (
        SMALL + shift("feast", "20:30", "21:00", "on_date = 2026-03-06"),
        "shift feast",
    ),
    "other days": (
        instead('key = "dinner"', 'key = "dinner"\ndays = ["sat", "sun"]'),
        "shift dinner",
    ),
    "ended": (
        instead('key = "dinner"', 'key = "dinner"\nvalid_until = 2026-03-05'),
        "shift dinner",
    ),
    "opens later": (instead('first = "17:00"', 'first = "20:00"'), "shift dinner"),
    "closes earlier": (instead('last = "21:30"', 'last = "18:00"'), "shift dinner"),
    "coarser grid": (
        instead('first = "17:00"', 'first = "17:30"').replace(
            "max_party_online = 8", "slot_minutes = 60"
        ),
        "shift dinner",
    ),
    "gone": (without(DINNER), "shift dinner"),
    "closed": (SMALL + "\n[[closures]]\ndate = 2026-03-06\n", "closure 2026-03-06"),
    "another shift's": (
        instead('first = "17:00"', 'first = "20:00"') + shift("early", "17:00", "19:45"),
        "shift early",
    ),
}


@pytest.mark.parametrize(("text", "about"), HOURS.values(), ids=HOURS)
def test_hours_in_which_a_confirmed_party_has_no_start_are_refused(
    stand: Stand, text: str, about: str
) -> None:
    number = stand.ask(2)
    conflict = refused(text)
    assert [problem.field for problem in conflict.fields] == [about]
    assert stand.row(number).reference in conflict.message
    assert "2026-03-06 19:00, party of 2, confirmed" in conflict.message
    stand.cancel(number)
    load(text)


@pytest.mark.parametrize(("text", "about"), HOURS.values(), ids=HOURS)
def test_waitlisted_and_undecided_parties_are_counted_too(
    stand: Stand, text: str, about: str
) -> None:
    while (number := stand.ask(4)) and stand.row(number).status == "confirmed":
        assert stand.asked < 9
    stand.plant(
        update(Reservation).where(Reservation.status == "confirmed").values(status="cancelled")
    )
    assert fields(text) == [about]
    stand.cancel(number)
    stand.request(2)
    assert fields(text) == [about]


def test_a_wish_that_waits_is_counted_too(stand: Stand) -> None:
    number = stand.ask(2)
    stand.wish(number, starts_at=START + HOUR)
    text = instead('last = "21:30"', 'last = "19:45"') + shift("late", "20:00", "21:30")
    conflict = refused(text)
    assert [problem.field for problem in conflict.fields] == ["shift late"]
    assert "change pending" in conflict.message


# --- areas and tables


def test_an_area_that_is_asked_for_keeps_its_key_and_its_tables(stand: Stand) -> None:
    stand.ask(2, area_key="yard")
    renamed = SMALL.replace('"yard"', '"garden"')
    assert fields(renamed) == ["area yard"]
    assert fields(instead('"3", area = "yard"', '"3", area = "hall"')) == ["table 3"]
    load(instead('name = "Yard"', 'name = "Garden"'))


def test_a_table_for_the_staff_alone_is_not_kept_by_an_online_party(stand: Stand) -> None:
    stand.ask(4, area_key="hall")
    hidden = TABLE_2.replace("max_party = 4 }", "max_party = 4, online = false }")
    assert fields(instead(TABLE_2, hidden)) == ["table 2"]


def test_only_what_the_file_makes_worse_is_held_against_it(stand: Stand) -> None:
    stand.ask(2)
    stand.plant(update(Reservation).values(book_id=Reservation.book_id + 1))
    loaded = apply(instead('name = "Small"', 'name = "Smaller"'))
    (known,) = loaded.concerns.known
    assert [each.code for each in known.objections] == [Code.OTHER_BOOK]
    assert loaded.concerns.hurt == ()


def test_turn_times_bind_parties_decided_from_now_on(stand: Stand) -> None:
    stand.ask(2)
    text = instead("max_party_online = 8", "turn_times = [[999, 120]]")
    # the next file reports them in the same words: nothing is wrong with them
    for changed in (text, text.replace('name = "Small"', 'name = "Smaller"')):
        loaded = apply(changed)
        agreed = [each.code for who in loaded.concerns.agreed for each in who.objections]
        assert (agreed, loaded.concerns.known) == ([Code.TURN], ())


def test_seated_parties_and_tables_chosen_by_the_host_are_left_alone(stand: Stand) -> None:
    chosen = stand.book(6, tables=("1",))
    assert stand.row(chosen).status == "confirmed"
    seated = stand.ask(2, start=NOW + 2 * HOUR)
    stand.move(arrive, seated, now=NOW)
    stand.move(seat, seated, now=NOW, table_ids=(stand.restaurant.tables["3"],))
    load(instead(TABLE_2, TABLE_2.replace("max_party = 4", "max_party = 3")))
    load(instead("last = 14:00:00", "last = 13:00:00"))


# --- the dry run


@pytest.mark.both
@pytest.mark.parametrize("move", [False, True])
def test_a_dry_run_names_all_and_changes_nothing(stand: Stand, move: bool) -> None:
    numbers = [stand.ask(2), stand.ask(4, area_key="yard")]
    before, rows = restaurant_of(), [stand.row(each).revision for each in numbers]
    text = without(TABLE_3, JOINED, f", {YARD}")
    loaded = apply(text, dry_run=True, move=move)
    assert [each.who.id for each in loaded.concerns.hurt] == [numbers[1]]
    assert loaded.revision == 2
    assert restaurant_of() == before
    assert [stand.row(each).revision for each in numbers] == rows
    assert stand.held(numbers[1]).keys() == {"3"}


def test_a_file_that_was_undone_is_not_remembered(stand: Stand) -> None:
    """The next file gets the same revision, and must not be served from a cache."""
    apply(instead('name = "Small"', 'name = "Tried"'), dry_run=True)
    load(instead('name = "Small"', 'name = "Done"'))
    assert (restaurant_of().name, restaurant_of().revision) == ("Done", 2)


def test_a_dry_run_of_a_new_restaurant_makes_none(db: Engine) -> None:
    apply(SMALL, dry_run=True)
    assert load(SMALL) == restaurant_of().id
    assert restaurant_of().revision == 1


# --- moving


def hurts_nobody(stand: Stand) -> bool:
    """Whether the rules have no objection to any party."""
    restaurant = restaurant_of()
    found = in_one(lambda session: upcoming(session, restaurant.id, now=NOW))
    said = [each for who in found for each in objections(restaurant, who.party)]
    return all(each.code in AGREED for each in said)


@pytest.mark.both
def test_parties_move_to_the_shift_that_has_their_start_and_share_its_pacing(stand: Stand) -> None:
    text = SMALL.replace("covers = 30", "covers = 4")
    load(text)
    stand.ask(4)
    wish = stand.wish(stand.ask(2, start=START - 2 * HOUR), starts_at=START + HOUR)
    asked = stand.request(2)
    renamed = text.replace('key = "dinner"', 'key = "evening"')
    apply(renamed, move=True)
    assert hurts_nobody(stand)
    evening = next(each.id for each in restaurant_of().shifts if each.key == "evening")
    with Session(stand.bind) as session:
        books = {*session.scalars(select(Reservation.book_id))}
        books |= {session.get_one(ReservationChange, wish).book_id}
    assert {split_book_id(book)[0] for book in books} == {evening}
    stand.drain()
    assert stand.row(asked).status == "waitlisted"


@pytest.mark.both
def test_a_party_that_asked_for_an_area_is_put_into_no_other(stand: Stand) -> None:
    number = stand.ask(2, area_key="yard")
    other = stand.ask(2)
    assert [stand.held(each).keys() for each in (number, other)] == [{"3"}, {"1"}]
    kept = apply(without(TABLE_3, JOINED), move=True)
    assert [each.outcome for each in kept.concerns.hurt] == [
        "unchanged: table 3 is not a table of this restaurant"
    ]
    assert stand.held(number).keys() == {"3"}


@pytest.mark.both
def test_a_party_that_can_sit_elsewhere_does(stand: Stand) -> None:
    number = stand.ask(4)
    assert stand.held(number).keys() == {"2"}
    shrunk = instead(TABLE_2, TABLE_2.replace("max_party = 4", "max_party = 3"))
    loaded = apply(shrunk, move=True)
    assert [each.outcome for each in loaded.concerns.hurt] == ["now has table 3"]
    assert stand.held(number) == {"3": (0, 7)}
    assert hurts_nobody(stand)
    with Session(stand.bind) as session:
        assert set(session.scalars(select(Message.kind))) == {"confirmation", "reminder"}


@pytest.mark.both
def test_a_party_that_waits_for_what_is_gone_is_told(stand: Stand) -> None:
    stand.ask(4, area_key="yard")
    waits = stand.ask(4, area_key="yard")
    text = instead('"3", area = "yard"', '"3", area = "hall"')
    loaded = apply(text.replace(f", {YARD}", ""), move=True)
    assert [each.outcome.partition(":")[0] for each in loaded.concerns.hurt] == [
        "unchanged",
        "removed from the waitlist and notified",
    ]
    assert stand.row(waits).status == "expired"
    with Session(stand.bind) as session:
        told = select(Message.kind).where(Message.reservation_id == waits)
        assert "declined" in session.scalars(told).all()


@pytest.mark.both
def test_an_area_that_was_only_renamed_takes_its_parties_along(stand: Stand) -> None:
    numbers = [stand.ask(4, area_key="yard"), stand.ask(4, area_key="yard")]
    apply(SMALL.replace('"yard"', '"garden"'), move=True)
    garden = restaurant_of().area_by_key["garden"].id
    assert [stand.row(each).area_id for each in numbers] == [garden, garden]
    assert hurts_nobody(stand)
    stand.cancel(numbers[0])
    assert stand.row(numbers[1]).status == "confirmed"


def test_a_party_that_cannot_be_moved_stays_and_is_listed(stand: Stand) -> None:
    number = stand.ask(2)
    closed = SMALL + "\n[[closures]]\ndate = 2026-03-06\n"
    loaded = apply(closed, move=True)
    assert [each.outcome for each in loaded.concerns.hurt] == [
        "unchanged: the restaurant is closed on 2026-03-06"
    ]
    assert stand.row(number).status == "confirmed"
