"""What the stand learns of a party: running late, partly here, allergies, occasion, VIP, tags."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from models.core.database.transactions import reading
from models.core.errors import DecryptionFailed, Invalid, RevisionConflict, StateConflict
from models.entities import PartyDetails
from models.entities.parties import details_of
from models.integrity.check import findings
from models.operations.guests.forgetting import forget_reservations
from models.operations.reservations.repeats import ActsOn
from models.operations.stand.arrivals import arrive, finish, seat
from models.operations.stand.overdue import mark_no_shows
from models.operations.stand.party_details import arrive_partly, edit_party, expect_late
from models.operations.stand.undo import take_back
from models.queries.book.book import book_of
from models.queries.floor.load import restaurant_by_id
from models.queries.guests.privacy import export_guest
from tests.operations.evenings import TWO_TABLES, a_stand, history, told
from tests.services.running.stand import NOW, START, Stand

pytestmark = pytest.mark.both
FACTS = {"allergies": "peanuts", "occasion": "birthday", "vip": True, "tags": ("regular", "wine")}


def minutes(count: float) -> datetime:
    return START + timedelta(minutes=count)


def in_order(stand: Stand, *, at: float = 0) -> None:
    with reading(stand.bind) as session:
        assert findings(session, now=minutes(at), grace_seconds=10**9) == []


def kept(stand: Stand, number: int) -> PartyDetails | None:
    with Session(stand.bind) as session:
        return session.get(PartyDetails, number)


def line(stand: Stand, number: int, *, at: float) -> Any:
    """The party's line of the book."""
    with reading(stand.bind) as session:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        book = book_of(session, restaurant, START.date(), now=minutes(at))
    return next(row for row in book.reservations if row.id == number)


def unchanged(stand: Stand, number: int, error: type[Exception], work: Callable[[], Any]) -> None:
    before = (stand.row(number).revision, stand.revision())
    with pytest.raises(error):
        work()
    assert before == (stand.row(number).revision, stand.revision())


def test_a_party_that_runs_late_is_not_missed_until_then(db: Engine) -> None:
    policies = {"no_show_grace_minutes": 15, "auto_no_show": True}
    stand = a_stand(db, tables=TWO_TABLES, policies=policies)
    number, other = stand.ask(2), stand.ask(2)
    stand.move(arrive, other, now=START)
    for _ in range(2):
        stand.move(expect_late, number, now=minutes(-5), until=minutes(40))
    assert history(stand, number)[-1] == ("confirmed", "confirmed", "running_late")
    row = line(stand, number, at=30)
    assert (row.expected_at, row.warnings) == (minutes(40), ())
    assert line(stand, number, at=56).warnings == ("not_here",)
    assert stand.do(lambda s: mark_no_shows(s, now=minutes(39), limit=9)) == 0
    in_order(stand, at=39)
    assert stand.do(lambda s: mark_no_shows(s, now=minutes(41), limit=9)) == 1
    assert told(stand, number) == ["confirmation"]
    in_order(stand, at=41)


def test_a_party_comes_in_time_after_all(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number = stand.ask(2)
    stand.move(expect_late, number, now=minutes(-5), until=minutes(20))
    stand.move(expect_late, number, now=minutes(-4), until=None)
    assert line(stand, number, at=0).expected_at is None
    assert stand.row(number).revision == 4
    in_order(stand)


def test_only_a_confirmed_party_can_run_late(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number = stand.ask(2)

    def late(until: datetime, **more: Any) -> Callable[[], Any]:
        said = {"now": START, "until": until} | more
        return lambda: stand.move(expect_late, number, **said)

    for until in (START, minutes(-1), minutes(90)):
        unchanged(stand, number, Invalid, late(until))
    unchanged(stand, number, RevisionConflict, late(minutes(9), acts_on=ActsOn(revision=1)))
    stand.move(seat, number, now=START)
    unchanged(stand, number, StateConflict, late(minutes(9)))


def test_a_party_arrives_one_by_one(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(4)
    stand.move(arrive_partly, number, now=minutes(-2), covers=1)
    row = line(stand, number, at=0)
    assert (row.status, row.arrived_at, row.arrived_covers) == ("arrived", minutes(-2), 1)
    in_order(stand)
    for covers in (3, 3):
        stand.move(arrive_partly, number, now=minutes(5), covers=covers)
    stand.move(seat, number, now=minutes(6))
    assert line(stand, number, at=6).arrived_covers == 3
    in_order(stand, at=6)
    stand.move(arrive_partly, number, now=minutes(15), covers=4)
    assert line(stand, number, at=15).arrived_covers is None
    reasons = [reason for _, _, reason in history(stand, number)]
    assert reasons == ["decision", "arrival", "more_arrived", "seating", "more_arrived"]
    stand.move(finish, number, now=minutes(60))
    in_order(stand, at=60)


def test_an_undone_arrival_forgets_how_many_came(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(4)
    stand.move(arrive_partly, number, now=START, covers=1)
    stand.move(take_back, number, now=minutes(1))
    row = line(stand, number, at=1)
    assert (row.status, row.arrived_covers) == ("confirmed", None)
    in_order(stand, at=1)


@pytest.mark.parametrize("covers", [0, 5])
def test_no_more_arrive_than_the_party_has(db: Engine, covers: int) -> None:
    stand = a_stand(db)
    number = stand.ask(4)
    unchanged(
        stand, number, Invalid, lambda: stand.move(arrive_partly, number, now=START, covers=covers)
    )


def test_the_details_of_a_party_are_in_the_book_and_nowhere_else(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    seen = stand.row(number).guest_revision
    assert stand.move(edit_party, number, now=NOW, changes=FACTS)
    details = line(stand, number, at=0).details
    assert {name: getattr(details, name) for name in FACTS} == FACTS
    assert "peanuts" not in repr(details)
    assert stand.row(number).guest_revision == seen  # no guest sees it
    assert stand.row(number).guest.note == ""
    assert not stand.move(edit_party, number, now=NOW, changes=FACTS)
    assert stand.move(edit_party, number, now=NOW, changes={"occasion": "", "tags": ()})
    details = line(stand, number, at=0).details
    assert (details.allergies, details.occasion, details.vip, details.tags) == (
        "peanuts", "", True, ()
    )  # fmt: skip
    assert told(stand, number) == ["confirmation"]
    unchanged(
        stand, number, RevisionConflict,
        lambda: stand.move(edit_party, number, now=NOW, changes={"vip": False}, if_revision=1),
    )  # fmt: skip
    in_order(stand)


def test_the_guests_note_stays_the_guests_after_an_edit_of_the_details(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2, note="window, please")
    stand.move(edit_party, number, now=NOW, changes=FACTS)
    assert stand.row(number).guest.note == "window, please"


def test_the_details_are_exported_and_erased_with_the_guest(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2, email="ada@example.com")
    stand.move(edit_party, number, now=NOW, changes=FACTS)
    stand.move(finish, number, now=START)
    with reading(stand.bind) as session:
        found = export_guest(session, "ada@example.com")
    assert found["reservations"][0]["details"]["allergies"] == "peanuts"
    stand.do(lambda s: forget_reservations(s, [number], now=minutes(99), actor="operator"))
    assert kept(stand, number) is None
    in_order(stand, at=100)


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"arrived_covers": 2}, "row"),
        ({"arrived_covers": 0}, "row"),
        ({"expected_at": START + timedelta(days=2)}, "row"),
        ({"restaurant_id": 4711}, "reference"),
        ({"details_sealed": b"12345"}, "guest"),
        ({"reservation_id": 4711}, "reference"),
    ],
)
def test_the_check_finds_wrong_details(db: Engine, wrong: dict[str, Any], rule: str) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    stand.move(edit_party, number, now=NOW, changes=FACTS)
    in_order(stand)
    stand.plant(update(PartyDetails).values(**wrong))
    with reading(stand.bind) as session:
        assert {each.rule for each in findings(session, now=START, grace_seconds=10**9)} == {rule}


def test_details_of_another_reservation_cannot_be_read(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    stand.move(edit_party, number, now=NOW, changes=FACTS)
    row = kept(stand, number)
    assert details_of(row, reference=stand.row(number).reference).vip
    with pytest.raises(DecryptionFailed):
        details_of(row, reference="OTHER")
