"""What tables offer: a condition for a party that needs it, a preference for one that wishes it."""

from functools import partial

import pytest
from sqlalchemy import Engine

from models.core.database.transactions import reading
from models.core.errors import FileInvalid, Invalid, NotSeated
from models.integrity.check import findings
from models.operations.floor.file import read_restaurant
from models.operations.floor.parties import PartiesHurt
from models.operations.reservations.staff_changes import change_by_staff
from models.queries.floor.export import export_restaurant
from models.rules.reservations.requests import TableChange
from models.rules.restaurant.features import Wants
from tests.operations.deciding.small import load, restaurant_of
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import NOW, START, Stand

pytestmark = pytest.mark.both
FILE = """
slug = "small"
name = "Small"
zone = "Europe/Berlin"
features = [{ key = "booth", name = "Booth" }, { key = "step-free", name = "Step-free" }]
areas = [{ key = "hall", name = "Hall" }]
tables = [
  { label = "1", area = "hall", max_party = 2 },
  { label = "2", area = "hall", max_party = 4, features = ["step-free"] },
  { label = "3", area = "hall", max_party = 6, features = ["booth", "step-free"] },
]
combinations = [{ label = "1+2", tables = ["1", "2"], min_party = 5, max_party = 6 }]

[policies]
pacing = { covers = "unlimited" }

[[shifts]]
key = "dinner"
name = "Dinner"
first = "17:00"
last = "21:30"
ends = "23:30"
may_run_over = true
"""


@pytest.fixture
def stand(db: Engine) -> Stand:
    load(FILE, now=NOW)
    spec = restaurant_of()
    tables = {table.label: table.id for table in spec.tables}
    return Stand(db, OpenRestaurant(spec.id, spec.slug, {}, tables, {}))


def at(stand: Stand, number: int) -> list[str]:
    return list(stand.held(number))


def in_order(stand: Stand) -> bool:
    stand.drain()
    with reading(stand.bind) as session:
        assert findings(session, now=NOW, grace_seconds=0) == []
    return True


def test_a_need_is_a_condition_and_a_wish_a_preference(stand: Stand) -> None:
    step_free = Wants(needs=("step-free",))
    wishes = stand.ask(2, wants=Wants(wishes=("booth",)))
    assert at(stand, wishes) == ["3"]
    assert at(stand, stand.ask(2, wants=step_free)) == ["2"]
    # a wish gives way to a need
    assert at(stand, stand.ask(2, wants=step_free)) == ["3"]
    assert at(stand, wishes) == ["1"]
    assert in_order(stand)


def test_a_party_waits_for_what_it_needs_although_other_tables_are_free(stand: Stand) -> None:
    booth = Wants(needs=("booth",))
    assert at(stand, stand.ask(2, wants=booth)) == ["3"]
    assert stand.row(stand.ask(2, wants=booth)).status == "waitlisted"
    assert at(stand, stand.ask(2, wants=Wants(wishes=("booth",)))) == ["1"]


def test_joined_tables_must_all_have_what_is_needed(stand: Stand) -> None:
    assert at(stand, stand.ask(6, wants=Wants(needs=("step-free",)))) == ["3"]
    assert stand.row(stand.ask(6, wants=Wants(needs=("step-free",)))).status == "waitlisted"
    assert at(stand, stand.ask(6)) == ["1", "2"]


def test_a_party_is_never_re_seated_where_its_need_is_not_met(stand: Stand) -> None:
    needs = stand.ask(2, wants=Wants(needs=("step-free",)))
    assert at(stand, needs) == ["2"]
    both = stand.ask(4), stand.ask(4)
    # room for the second of four only if the first moved to table 1
    assert [stand.row(each).status for each in both] == ["confirmed", "waitlisted"]
    assert at(stand, needs) == ["2"] and in_order(stand)


def test_a_request_for_what_is_not_there_is_refused(stand: Stand) -> None:
    for wants, field in (
        (Wants(needs=("piano",)), "needs"),
        (Wants(wishes=("piano",)), "wishes"),
    ):
        with pytest.raises(Invalid) as refused:
            stand.ask(2, wants=wants)
        assert [each.field for each in refused.value.fields] == [field]


def test_the_staff_change_what_a_party_needs(stand: Stand) -> None:
    number = stand.ask(2)
    assert at(stand, number) == ["1"]
    change = partial(change_by_staff, change=TableChange(needs=("booth",)))
    assert stand.move(change, number, now=NOW)
    assert not stand.move(change, number, now=NOW)
    assert (at(stand, number), stand.row(number).wants) == (["3"], Wants(needs=("booth",)))
    other = stand.ask(2)
    with pytest.raises(NotSeated):
        stand.move(change, other, now=NOW)
    assert at(stand, other) == ["1"] and stand.row(other).wants == Wants()
    stand.change(number, starts_at=START.replace(hour=19))
    assert at(stand, number) == ["3"]
    assert in_order(stand)


def test_a_file_that_takes_the_feature_away_names_the_party(stand: Stand) -> None:
    reference = stand.row(stand.ask(2, wants=Wants(needs=("booth",)))).reference
    with pytest.raises(PartiesHurt) as refused:
        load(FILE.replace('features = ["booth", "step-free"]', 'features = ["step-free"]'), now=NOW)
    assert reference in str(refused.value) and "booth" in str(refused.value)


def test_the_export_of_a_file_has_its_features(stand: Stand) -> None:
    with reading(stand.bind) as session:
        text = export_restaurant(session, "small")
    assert read_restaurant(text) == read_restaurant(FILE)
    with pytest.raises(FileInvalid) as wrong:
        read_restaurant(FILE.replace('features = ["step-free"]', 'features = ["piano"]'))
    assert "there is no feature 'piano'" in str(wrong.value)
