"""A turn is made longer, shorter or open; whom that pushes is said beforehand."""

from datetime import datetime

import pytest
from sqlalchemy import Engine

from models.core.errors import Invalid
from models.operations.reservations.repeats import ActsOn
from models.operations.stand.arrivals import finish, seat
from tests.operations.evenings import ONE_TABLE, a_stand
from tests.operations.stand.test_sitting import sits_at
from tests.operations.tables.acts import (
    FLOOR,
    NEAR,
    extend,
    facts,
    in_order,
    last_move,
    minutes,
    moved,
    refused,
    why,
)
from tests.services.running.stand import NOW, Stand

pytestmark = pytest.mark.both


@pytest.fixture
def stand(db: Engine) -> Stand:
    return a_stand(db, tables=FLOOR, policies=NEAR)


def test_a_seated_party_stays_longer_and_the_next_sits_elsewhere(stand: Stand) -> None:
    sits = stand.ask(2)
    stand.move(seat, sits, now=minutes(0))
    next_ = stand.ask(2, start=minutes(90))
    assert stand.held(next_) == {"1": (6, 12)}
    before = facts(stand, sits, next_)
    shown = extend(stand, sits, now=minutes(60), minutes=30, preview=True)
    assert facts(stand, sits, next_) == before
    assert (shown.ends_at, moved(shown)) == (
        minutes(120), {stand.row(next_).reference: (("1",), ("2",))}
    )  # fmt: skip
    done = extend(stand, sits, now=minutes(60), minutes=30)
    assert done.affected == shown.affected
    assert (stand.held(sits), stand.held(next_)) == ({"1": (0, 8)}, {"2": (6, 12)})
    reason, detail = last_move(stand, sits)
    assert (reason, detail["end"]) == (
        "turn_changed", [minutes(90).isoformat(), minutes(120).isoformat()]
    )  # fmt: skip
    assert in_order(stand, now=minutes(60))


def test_a_party_that_cannot_be_pushed_is_named(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies=NEAR)
    sits = stand.ask(2)
    stand.move(seat, sits, now=minutes(0))
    next_ = stand.ask(2, start=minutes(90))
    shown = extend(stand, sits, now=minutes(60), minutes=30, preview=True)
    assert [each.reservation_id for each in shown.in_the_way] == [next_]
    act = lambda: extend(stand, sits, now=minutes(60), minutes=30)  # noqa: E731
    assert why(refused(stand, act, sits, next_)) == [(next_, "no_table")]
    assert sits_at(stand) == {"1": sits}


def test_minutes_count_from_now_for_a_party_that_overstays(stand: Stand) -> None:
    sits = stand.ask(2)
    stand.move(seat, sits, now=minutes(0))
    extend(stand, sits, now=minutes(100), minutes=15)
    assert stand.row(sits).ends_at == minutes(120)
    assert in_order(stand, now=minutes(100))


def test_an_open_end_lasts_until_the_shift_closes(stand: Stand) -> None:
    sits = stand.ask(2)
    stand.move(seat, sits, now=minutes(0))
    shown = extend(stand, sits, now=minutes(10), preview=True)
    extend(stand, sits, now=minutes(10))
    row = stand.row(sits)
    assert row.ends_at == shown.ends_at
    assert row.ends_at > minutes(150)  # the last seating
    assert last_move(stand, sits)[1]["open"] is True
    before = facts(stand, sits)
    extend(stand, sits, now=minutes(11))
    assert facts(stand, sits) == before
    assert in_order(stand, now=minutes(11))
    stand.move(finish, sits, now=minutes(60))
    assert in_order(stand, now=minutes(61))


def test_a_party_to_come_stays_shorter_and_the_waitlist_gets_the_rest(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies=NEAR)
    number = stand.ask(2)
    waits = stand.ask(2, start=minutes(60))
    assert stand.row(waits).status == "waitlisted"
    extend(stand, number, now=NOW, minutes=-30)
    assert stand.held(number) == {"1": (0, 4)}
    stand.drain()
    assert stand.row(waits).status == "confirmed"
    assert in_order(stand, now=NOW)


def test_the_same_end_and_the_same_call_again_do_nothing(stand: Stand) -> None:
    number = stand.ask(2)
    seen = ActsOn(revision=stand.row(number).revision)
    for _ in range(2):
        extend(stand, number, now=NOW, minutes=30, acts_on=seen)
    assert stand.held(number) == {"1": (0, 8)}
    before = facts(stand, number)
    extend(stand, number, now=NOW, until=minutes(120))
    assert facts(stand, number) == before


@pytest.mark.parametrize("wrong", [minutes(-15), minutes(13 * 60)], ids=["past", "too long"])
def test_an_impossible_end_is_named(stand: Stand, wrong: datetime) -> None:
    number = stand.ask(2)
    with pytest.raises(Invalid) as raised:
        extend(stand, number, now=NOW, until=wrong)
    assert raised.value.fields[0].field == "until"
