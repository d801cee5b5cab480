"""A restaurant's file: errors name their line; loading, reloading, removing, exporting."""

import threading
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from models.core.database.transactions import transaction
from models.core.errors import FileInvalid, StateConflict
from models.core.toml_lines import key_lines
from models.entities import Area, Closure, Combination, DiningTable, Reservation, Restaurant, Shift
from models.operations.floor.file import FileProblem, read_restaurant
from models.operations.floor.load import load_restaurant
from models.queries.floor.export import export_restaurant
from models.rules.restaurant.restaurant import Pacing, TurnTime
from models.rules.restaurant.sittings import sittings_on
from tests.architecture.tree import ROOT
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

EXAMPLES = ROOT / "examples"


def wrong(text: str) -> list[str]:
    try:
        read_restaurant(text)
    except FileInvalid as refused:
        return [str(problem) for problem in refused.fields]
    return []


def problems(text: str) -> list[str]:
    with pytest.raises(FileInvalid) as refused:
        read_restaurant(text)
    assert all(isinstance(problem, FileProblem) for problem in refused.value.fields)
    return [str(problem) for problem in refused.value.fields]


# --- reading

TABLE_2 = '{ label = "2", area = "hall", min_party = 2, max_party = 4 }'
DINNER = 'first = "17:00"\nlast = "21:30"\nends = "23:45"\n'
WRONG = {
    "missing": (without('name = "Small"\n'), "line 1: name: is missing"),
    "missing in a part": (
        instead(TABLE_2, '{ label = "2", area = "hall" }'),
        "line 7: tables[1].max_party: is missing",
    ),
    "unknown key": (
        instead("max_party_online = 8", "max_party = 8"),
        "line 13: policies.max_party: is not a known key; known here: approval_minutes",
    ),
    "slug": (instead('"small"', '"Small one"'), "line 1: slug: must be lower-case letters"),
    "zone": (instead("Europe/Berlin", "Berlin"), "line 3: zone: is not a zone"),
    "type": (
        instead("covers = 30", 'covers = "30"'),
        "line 15: policies.pacing.covers: must be a valid integer",
    ),
    "control character": (instead('"Dinner"', '"Din\\tner"'), "line 19: shifts[0].name: must not"),
    "too small": (
        instead("covers = 30", "covers = 0"),
        "line 15: policies.pacing.covers: must be greater than or equal to 1",
    ),
    "online range": (
        instead("max_party_online = 8", "max_party_online = 2\nmin_party_online = 3"),
        "line 14: policies.min_party_online: must be <= max_party_online",
    ),
    "minutes": (
        instead("max_party_online = 8", "buffer_minutes = 10"),
        "line 13: policies.buffer_minutes: must be a multiple of 15",
    ),
    "turn minutes": (
        instead("max_party_online = 8", "turn_times = [\n [2, 90],\n [4, 100],\n]"),
        "line 15: policies.turn_times[1]: minutes must be a multiple of 15, at most 720",
    ),
    "turn rows": (
        instead("max_party_online = 8", "turn_times = [[4, 90], [2, 105]]"),
        "line 13: policies.turn_times[1]: party sizes must rise from row to row",
    ),
    "off the grid": (
        instead('"21:30"', '"21:20"'),
        "line 21: shifts[0].last: must be on a quarter of an hour",
    ),
    "no time": (
        instead('"21:30"', '"half nine"'),
        'line 21: shifts[0].last: must be a time such as "18:30"',
    ),
    "last before first": (
        instead('last = "21:30"', 'last = "16:00"'),
        "line 21: shifts[0].last: is 23 h after first",
    ),
    "ends before last": (
        instead('"23:45"', '"21:15"'),
        "line 22: shifts[0].ends: must not be before last",
    ),
    "overlap": (
        instead("last = 14:00:00", "last = 17:00:00").replace("16:00:00", "19:00:00"),
        "line 27: shifts[1].first: its seatings overlap those of 'dinner' on mon",
    ),
    "opens at 24:00": (
        instead("first = 12:00:00", 'first = "24:00"'),
        'line 27: shifts[1].first: is the next day\'s midnight: write "00:00"',
    ),
    "around the clock": (
        instead("first = 12:00:00", 'first = "00:00"\ndays = ["mon"]')
        .replace("last = 14:00:00", 'last = "24:00"')
        .replace("ends = 16:00:00", 'ends = "24:00"'),
        "line 29: shifts[1].last: is the same as first: a shift around the clock has last = ",
    ),
    "grid of ten minutes": (
        instead("max_party_online = 8", "slot_minutes = 20"),
        "line 13: policies.slot_minutes: must be a multiple of 15: tables are held by quarters of"
        " an hour; write 15 or 30",
    ),
    "third Thursday": (
        SMALL + 'days = ["third thu"]\n',
        "line 30: shifts[1].days[0]: must be one of mon, tue, wed, thu, fri, sat, sun; for"
        " some weeks only, such as each third Thursday, write one [[shifts]] with on_date",
    ),
    "closure without a date": (
        SMALL + "\n[[closures]]\nfrom = 2026-08-01\n",
        "line 31: closures[0]: needs a date, or from and until",
    ),
    "closure that ends before it begins": (
        SMALL + "\n[[closures]]\nfrom = 2026-08-01\nuntil = 2026-07-01\n",
        "line 33: closures[0].until: must not be before from",
    ),
    "closure of a date and more": (
        SMALL + "\n[[closures]]\ndate = 2026-08-01\nuntil = 2026-08-09\n",
        "line 32: closures[0].date: cannot be combined with from and until",
    ),
    "closed twice": (
        SMALL
        + "\n[[closures]]\nfrom = 2026-08-01\nuntil = 2026-08-21\n"
        + "[[closures]]\ndate = 2026-08-09\n",
        "line 35: closures[1].date: 2026-08-09 is already in closures[0]",
    ),
    "unknown key of a closure": (
        SMALL + "\n[[closures]]\nday = 2026-08-01\ndate = 2026-08-01\n",
        "line 32: closures[0].day: is not a known key; known here: area, date, from, reason",
    ),
    "never had": (
        instead("last = 14:00:00", "last = 14:45:00"),
        "line 28: shifts[1].last: can never be booked: the shortest turn is 90 minutes, 15 more",
    ),
    "twin label": (
        instead('label = "3"', 'label = "2"').replace('"2", "3"', '"1", "2"'),
        "line 8: tables[2].label: is the same as tables[1].label",
    ),
    "twin shift": (instead('"lunch"', '"dinner"'), "line 25: shifts[1].key: is the same as"),
    "twin area": (
        instead('"yard", name', '"hall", name').replace('"yard"', '"hall"'),
        "line 4: areas[1].key: is the same as",
    ),
    "no such area": (
        instead('"3", area = "yard"', '"3", area = "roof"'),
        "line 8: tables[2].area: there is no area 'roof'",
    ),
    "party range": (
        instead(TABLE_2, '{ label = "2", area = "hall", min_party = 5, max_party = 4 }'),
        "line 7: tables[1].min_party: must be <= max_party",
    ),
    "combination of an unknown table": (
        instead('["2", "3"]', '["2", "9"]'),
        "line 10: combinations[0].tables[1]: there is no table '9'",
    ),
    "combination with itself": (
        instead('["2", "3"]', '["2", "2"]'),
        "line 10: combinations[0].tables[1]: table '2' is listed twice",
    ),
    "combination's range": (
        instead("min_party = 5, max_party = 8", "min_party = 9, max_party = 8"),
        "line 10: combinations[0].min_party: must be <= max_party",
    ),
    "weekday": (
        instead('"lunch"', '"lunch"\ndays = ["mon", "someday"]'),
        "line 26: shifts[1].days[1]: must be one of mon, tue",
    ),
    "closure of an unknown shift": (
        SMALL + '\n[[closures]]\ndate = 2026-12-24\nshift = "brunch"\n',
        "line 33: closures[0].shift: there is no shift 'brunch'",
    ),
    "validity": (
        SMALL + "valid_from = 2026-05-01\nvalid_until = 2026-04-01\n",
        "line 31: shifts[1].valid_until: must not be before valid_from",
    ),
    "special hours on weekdays": (
        SMALL + 'on_date = 2026-05-01\ndays = ["fri"]\n',
        "line 31: shifts[1].days: cannot be combined with on_date",
    ),
    "no TOML": (instead("zone =", "zone"), "line 3: TOML: Expected '=' after a key"),
}


@pytest.mark.parametrize(("text", "expected"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_named_with_its_line(text: str, expected: str) -> None:
    found = problems(text)
    assert any(each.startswith(expected) for each in found), found
    assert len(found) == 1, found


def test_everything_that_is_wrong_is_named_at_once_in_order_of_the_lines() -> None:
    text = SMALL
    for old, new in (
        ('"Europe/Berlin"', '"Mars"'),
        ('"3", area = "yard"', '"3", area = "roof"'),
        ("max_party_online = 8", "max_party_online = 8\nbuffer_minutes = 7\nlead = 3"),
        ('"23:45"', '"21:00"'),
        ("first = 12:00:00", "first = 13:00:00\nlust = 1"),
    ):
        text = instead(old, new, text=text)
    lines = [int(each.split()[1].rstrip(":")) for each in problems(text)]
    assert lines == [3, 8, 14, 15, 24, 30]


def test_shifts_overlap_only_on_days_that_they_share() -> None:
    night = '\n[[shifts]]\nkey = "{}"\nname = "N"\nfirst = "{}"\nlast = "{}"\nends = "03:00"\n'
    dinner_on_sunday = instead('"dinner"', '"dinner"\ndays = ["sun"]')
    after_midnight = night.format("night", "22:00", "00:30")
    assert not wrong(SMALL + after_midnight)
    early = (
        '\n[[shifts]]\nkey = "early"\nname = "E"\nfirst = "00:15"\nlast = "01:00"\nends = "03:00"\n'
    )
    found = problems(SMALL + after_midnight + 'days = ["sun"]\n' + early + 'days = ["mon"]\n')
    assert "its seatings overlap those of 'night'" in found[0]
    assert not wrong(SMALL + after_midnight + 'days = ["sun"]\n' + early + 'days = ["tue"]\n')
    second = DINNER.join(['\n[[shifts]]\nkey = "second"\nname = "S"\n', 'days = ["fri"]\n'])
    assert not wrong(dinner_on_sunday + second)
    assert problems(SMALL + second)
    assert not wrong(SMALL + second.replace('days = ["fri"]', "on_date = 2026-05-01"))
    summer = second.replace('days = ["fri"]', "valid_from = 2026-06-01")
    winter = instead('key = "dinner"', 'key = "dinner"\nvalid_until = 2026-05-31')
    assert not wrong(winter + summer)


def test_lines_of_keys_in_every_notation() -> None:
    text = '''
a.b = "x = [1] # no comment"  # { "c" = 1 }
"quoted key" = """
[not.a.table]
""" # still here
list = [
  1, [ "]", 2 ],
  { c = 1, d.e = 'it''s' }, # ]
]
[one.two]
three = 2026-01-01 10:00:00
[[rows]]
x = 1
[rows.sub]
y = 1
[[rows]]
z = { inner = [ { deep = "\\"" } ] }
'''.replace("it''s", "its")
    found = key_lines(text)
    assert found["a", "b"] == 2
    assert found["quoted key",] == 3
    assert (found["list",], found["list", 0], found["list", 1], found["list", 1, 1]) == (6, 7, 7, 7)
    assert (found["list", 2, "c"], found["list", 2, "d", "e"]) == (8, 8)
    assert (found["one", "two"], found["one", "two", "three"]) == (10, 11)
    assert (found["rows", 0, "x"], found["rows", 0, "sub", "y"]) == (13, 15)
    assert found["rows", 1, "z", "inner", 0, "deep"] == 17


# --- loading


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.toml")))
def test_the_examples_load(db: Engine, name: str) -> None:
    load((EXAMPLES / f"{name}.toml").read_text(encoding="utf-8"))
    restaurant = restaurant_of(name)
    days = [date(2026, 12, 1) + timedelta(days=day) for day in range(31)]
    assert any(sittings_on(restaurant, day) for day in days)
    text = in_one(lambda session: export_restaurant(session, name))
    load(text)
    assert restaurant_of(name).revision == 1
    assert in_one(lambda session: export_restaurant(session, name)) == text


HOLIDAYS = """
[[closures]]
from = 2026-08-01
until = 2026-08-21
reason = "Holidays"

[[closures]]
date = 2026-12-24
yearly = true
shift = "dinner"

[[closures]]
from = 2026-12-31
until = 2027-01-01
yearly = true
"""


@pytest.mark.both
def test_closures_of_many_days_and_of_each_year_come_back_as_they_were_written(db: Engine) -> None:
    load(SMALL + HOLIDAYS)
    restaurant = restaurant_of()
    assert len(restaurant.closures) == 21 + 1 + 2
    for day, keys in (
        (date(2026, 7, 31), ["lunch", "dinner"]),
        (date(2026, 8, 1), []),
        (date(2026, 8, 21), []),
        (date(2026, 8, 22), ["lunch", "dinner"]),
        (date(2027, 8, 1), ["lunch", "dinner"]),
        (date(2026, 12, 24), ["lunch"]),
        (date(2031, 12, 24), ["lunch"]),
        (date(2026, 1, 1), ["lunch", "dinner"]),
        (date(2030, 1, 1), []),
    ):
        assert [sitting.shift.key for sitting in sittings_on(restaurant, day)] == keys, day
    text = in_one(lambda session: export_restaurant(session, "small"))
    for part in HOLIDAYS.strip().split("\n\n"):
        assert set(part.splitlines()) <= set(text.splitlines())
    assert text.count("[[closures]]") == 3
    load(text)
    assert restaurant_of().revision == 1


def test_a_shift_around_the_clock_seats_every_quarter_of_every_day(db: Engine) -> None:
    text = without('[[shifts]]\nkey = "dinner"\nname = "Dinner"\n' + DINNER)
    text = (
        text.replace("first = 12:00:00", 'first = "00:00"')
        .replace("last = 14:00:00", 'last = "23:45"')
        .replace("ends = 16:00:00", 'ends = "24:00"\nmay_run_over = true')
    )
    load(text)
    week = [
        sittings_on(restaurant_of(), date(2026, 5, 4) + timedelta(days=day)) for day in range(7)
    ]
    assert [len(sitting.starts) for day in week for sitting in day] == [96] * 7
    exported = in_one(lambda session: export_restaurant(session, "small"))
    assert 'ends = "24:00"' in exported
    load(exported)
    assert restaurant_of().revision == 1


def test_a_shift_may_run_over_when_it_says_so(db: Engine) -> None:
    late = instead("last = 14:00:00", "last = 14:45:00\nmay_run_over = true")
    load(late)
    assert [shift.may_run_over for shift in restaurant_of().shifts] == [False, True]
    text = in_one(lambda session: export_restaurant(session, "small"))
    load(text)
    assert restaurant_of().revision == 1


@pytest.mark.both
def test_a_file_becomes_a_restaurant(db: Engine) -> None:
    shift = 'buffer_minutes = 15\nturn_times = [[999, 60]]\n[shifts.pacing]\ncovers = "unlimited"\n'
    extra = '[[closures]]\ndate = 2026-12-24\nshift = "lunch"\nreason = "Holidays"\n'
    number = load(SMALL + 'days = ["mon", "fri"]\n' + shift + extra)
    restaurant = restaurant_of()
    assert (restaurant.id, restaurant.revision, restaurant.zone) == (number, 1, "Europe/Berlin")
    assert [area.key for area in restaurant.areas] == ["hall", "yard"]
    assert [(t.label, t.min_party, t.max_party) for t in restaurant.tables] == [
        ("1", 1, 2),
        ("2", 2, 4),
        ("3", 2, 4),
    ]
    (joined,) = restaurant.combinations
    assert {restaurant.table_by_id[each].label for each in joined.table_ids} == {"2", "3"}
    assert restaurant.policies.pacing == Pacing(covers=30)
    lunch = next(shift for shift in restaurant.shifts if shift.key == "lunch")
    assert lunch.weekdays == {0, 4}
    assert (lunch.pacing, lunch.buffer_minutes) == (Pacing(covers=None), 15)
    assert lunch.turn_times == (TurnTime(999, 60),)
    assert [(each.on_date, each.shift_key) for each in restaurant.closures] == [
        (date(2026, 12, 24), "lunch")
    ]


@pytest.mark.both
def test_the_same_file_again_changes_nothing(db: Engine) -> None:
    load(SMALL)
    before = restaurant_of()
    load(SMALL, now=NOW + timedelta(days=1))
    assert restaurant_of() == before
    with Session(db) as session:
        assert session.scalars(select(Restaurant.revised_at)).one() is None


@pytest.mark.both
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "Small"', 'name = "Smaller"'),
        ("max_party_online = 8", "max_party_online = 9"),
        ('label = "1", area = "hall"', 'label = "1", area = "yard"'),
        ('"2", "3"]', '"1", "3"]'),
        ("last = 14:00:00", "last = 14:30:00"),
        ('"yard", name = "Yard"', '"yard", name = "Garden"'),
    ],
)
def test_a_change_raises_the_revision_once(db: Engine, old: str, new: str) -> None:
    load(SMALL)
    tables = restaurant_of().table_by_id.keys()
    load(instead(old, new), now=NOW + timedelta(hours=1))
    assert restaurant_of().revision == 2
    assert restaurant_of().table_by_id.keys() == tables
    with Session(db) as session:
        assert session.scalars(select(Restaurant.revised_at)).one() == NOW + timedelta(hours=1)


@pytest.mark.both
def test_what_is_gone_is_inactive_and_comes_back_as_it_was(db: Engine) -> None:
    text = SMALL + "\n[[closures]]\ndate = 2026-12-24\n"
    load(text)
    before = restaurant_of()
    load(
        without(
            '  { label = "3", area = "yard", min_party = 2, max_party = 4 },\n',
            ', { key = "yard", name = "Yard" }',
            'combinations = [{ label = "2+3", tables = ["2", "3"], min_party = 5, max_party = 8 }]',
            '[[shifts]]\nkey = "dinner"\nname = "Dinner"\n' + DINNER,
        )
    )
    less = restaurant_of()
    assert [table.label for table in less.tables] == ["1", "2"]
    assert [shift.key for shift in less.shifts] == ["lunch"]
    assert (less.combinations, less.closures) == ((), ())
    assert [area.key for area in less.areas] == ["hall"]
    with Session(db) as session:
        for entity, count in ((Area, 2), (DiningTable, 3), (Combination, 1), (Shift, 2)):
            assert len(session.scalars(select(entity)).all()) == count
        assert session.scalars(select(Closure)).all() == []
    load(text)
    again = restaurant_of()
    assert again.revision == 3
    assert (again.tables, again.shifts, again.combinations) == (
        before.tables,
        before.shifts,
        before.combinations,
    )


# --- affected reservations


@pytest.fixture
def stand(db: Engine) -> Stand:
    """SMALL, with its tables and shifts at the stand."""
    return a_small_stand(db)


TABLE_3 = '  { label = "3", area = "yard", min_party = 2, max_party = 4 },\n'
JOINED = 'combinations = [{ label = "2+3", tables = ["2", "3"], min_party = 5, max_party = 8 }]'


def refused(text: str, *, now: datetime = NOW) -> StateConflict:
    before = restaurant_of()
    with pytest.raises(StateConflict) as conflict:
        load(text, now=now)
    assert restaurant_of() == before
    return conflict.value


@pytest.mark.both
def test_a_table_that_is_held_stays(stand: Stand) -> None:
    number = stand.book(2, tables=("3",))
    conflict = refused(without(TABLE_3, JOINED))
    assert [problem.field for problem in conflict.fields] == ["table 3"]
    assert stand.row(number).reference in conflict.message
    assert "2026-03-06 19:00, party of 2, confirmed" in conflict.message
    load(without(TABLE_3, JOINED), now=START + timedelta(days=1))


@pytest.mark.both
def test_a_shift_that_is_held_or_waited_for_stays(stand: Stand) -> None:
    while (number := stand.ask(4)) and stand.row(number).status == "confirmed":
        assert stand.asked < 9
    assert stand.row(number).status == "waitlisted"
    dinner = '[[shifts]]\nkey = "dinner"\nname = "Dinner"\n' + DINNER
    conflict = refused(without(dinner))
    assert [problem.field for problem in conflict.fields] == ["shift dinner"]
    assert stand.row(number).reference in conflict.message
    stand.plant(update(Reservation).values(status="cancelled"))
    load(without(dinner))


def test_a_date_with_parties_is_not_closed(stand: Stand) -> None:
    stand.ask(2)
    lunch = SMALL + '\n[[closures]]\ndate = 2026-03-06\nshift = "lunch"\n'
    load(lunch)
    conflict = refused(SMALL + "\n[[closures]]\ndate = 2026-03-06\n")
    assert [problem.field for problem in conflict.fields] == ["closure 2026-03-06"]
    load(SMALL + "\n[[closures]]\ndate = 2026-03-07\n")


def test_a_table_does_not_shrink_below_its_party_unless_the_host_chose_it(stand: Stand) -> None:
    shrunk = instead(TABLE_2, TABLE_2.replace("max_party = 4", "max_party = 3"))
    stand.book(5, tables=("2",))
    load(shrunk)
    load(SMALL)
    stand.book(4, tables=("2",), start=START - timedelta(hours=2))
    assert [problem.field for problem in refused(shrunk).fields] == ["table 2"]


def test_a_combination_that_is_held_stays(stand: Stand) -> None:
    number = stand.ask(7)
    assert stand.held(number).keys() == {"2", "3"}
    assert [problem.field for problem in refused(without(JOINED)).fields] == ["table 2 + 3"]


def test_no_zone_in_which_the_clock_shows_another_time_than_was_told(stand: Stand) -> None:
    stand.ask(2)
    assert [problem.field for problem in refused(instead("Berlin", "London")).fields] == ["zone"]
    load(instead("Berlin", "Paris"))


@pytest.mark.both
@pytest.mark.parametrize("is_open", [False, True], ids=["new-book", "open-book"])
def test_a_decision_cannot_slip_in_between(stand: Stand, is_open: bool) -> None:
    if is_open:
        stand.cancel(stand.ask(4))
    asked = [stand.request(4), stand.request(4)]
    worker = threading.Thread(target=stand.drain)
    with transaction(stand.bind) as session:
        load_restaurant(session, read_restaurant(without(TABLE_3, JOINED)), now=NOW)
        worker.start()
        worker.join(0.5)
        assert worker.is_alive()
    worker.join(20)
    assert sorted(stand.row(number).status for number in asked) == ["confirmed", "waitlisted"]
    assert [stand.held(number).keys() for number in asked] == [{"2"}, set()]


@pytest.mark.both
def test_a_new_table_goes_to_the_waitlist(stand: Stand) -> None:
    load(without(TABLE_3, JOINED))
    numbers = [stand.ask(4), stand.ask(4)]
    assert [stand.row(number).status for number in numbers] == ["confirmed", "waitlisted"]
    load(SMALL)
    stand.drain()
    assert stand.held(numbers[1]).keys() == {"3"}
