"""Zone rules change after a booking: the announced time is known, and moved parties are named."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from models.core.database.transactions import reading
from models.entities import Reservation
from models.operations.stand.arrivals import seat
from models.queries.deciding.standing import upcoming
from models.rules.deciding.objection import Code
from models.rules.deciding.standing import objections
from tests.operations.deciding.small import restaurant_of
from tests.queries.evening import check
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import NOW, START, Stand
from tests.services.zone_rules import other_rules

#: Berlin's clocks are an hour ahead of UTC at START, and two in summer
SUMMER = START + timedelta(days=40, hours=-1)
MOVED = "the guest was told 19:00, which is 20:00 by the current zone rules"


@pytest.fixture
def stand(db: Engine, restaurant: Callable[..., OpenRestaurant]) -> Stand:
    """A restaurant and its stand, open on the date of SUMMER."""
    return Stand(db, restaurant())


def said(stand: Stand) -> set[str]:
    found = [each for each in check(stand, now=NOW) if each.rule == "misfit"]
    assert all(each.is_known for each in found)  # no row is damaged: a restore continues
    return {each.text for each in found}


@pytest.mark.both
def test_a_booking_keeps_the_wall_time_that_was_told(stand: Stand) -> None:
    numbers = [stand.ask(2), stand.book(2), stand.ask(2, start=SUMMER)]
    assert [stand.row(number).told_offset for number in numbers] == [60, 60, 120]


@pytest.mark.both
def test_a_change_that_is_accepted_tells_another_wall_time(stand: Stand) -> None:
    number = stand.ask(2)
    stand.change(number, starts_at=SUMMER)
    assert (stand.row(number).starts_at, stand.row(number).told_offset) == (SUMMER, 120)
    stand.change(number, party_size=8)  # refused: not announced
    assert stand.row(number).told_offset == 120


@pytest.mark.both
def test_the_check_names_all_parties_moved_by_other_zone_rules(
    stand: Stand, tmp_path: Path
) -> None:
    winter, summer = stand.ask(2), stand.ask(2, start=SUMMER)
    assert check(stand, now=NOW) == []
    with other_rules(tmp_path, hours=2):  # permanent summer time
        assert said(stand) == {f"reservation {winter}: {MOVED}"}
    with other_rules(tmp_path, hours=1):  # no summer time at all
        assert {each.split(":")[0] for each in said(stand)} == {f"reservation {summer}"}
    assert check(stand, now=NOW) == []


def test_a_party_booked_by_an_older_release_is_not_guessed_at(stand: Stand, tmp_path: Path) -> None:
    number = stand.ask(2)
    stand.plant(update(Reservation).where(Reservation.id == number).values(told_offset=None))
    with other_rules(tmp_path, hours=2):
        assert said(stand) == set()


def test_an_arrived_party_needs_no_start_any_more(stand: Stand, tmp_path: Path) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=START)
    with other_rules(tmp_path, hours=2):
        assert not [each for each in check(stand, now=START) if MOVED in each.text]


def test_loading_a_file_lists_the_parties_moved_by_the_zone_rules(
    stand: Stand, tmp_path: Path
) -> None:
    stand.ask(2)
    with other_rules(tmp_path, hours=2), reading() as session:
        (who,) = upcoming(session, stand.restaurant.id, now=NOW)
        codes = {each.code for each in objections(restaurant_of("demo"), who.party)}
    assert codes == {Code.WALL_TIME}


@pytest.mark.both
def test_an_answer_after_the_change_tells_the_new_clock(stand: Stand, tmp_path: Path) -> None:
    first, promoted, waits = (stand.ask(6) for _ in range(3))
    assert stand.row(waits).status == "waitlisted"
    asked = stand.request(2)
    with other_rules(tmp_path, hours=2):
        stand.cancel(first)
        assert {stand.row(number).status for number in (promoted, asked)} == {"confirmed"}
        assert {stand.row(number).told_offset for number in (promoted, asked)} == {120}
        assert said(stand) == {f"reservation {waits}: {MOVED}"}
