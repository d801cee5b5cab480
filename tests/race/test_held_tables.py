"""Tables held for an answer: of two answers at once, or an answer and its deadline, one counts."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from models.core.errors import StateConflict
from models.entities import Message, Reservation, Restaurant
from models.operations.deciding.due import lock_due
from models.operations.stand.approving import approve, decline
from tests.operations.deciding.test_read_and_lock import just_before_the_lock
from tests.operations.stand.test_approval import POLICIES, TABLES
from tests.operations.stand.test_approval import in_order as approved_in_order
from tests.operations.stand.test_unproved import confirm, in_order, minutes, release, two_tables
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import NOW, Stand
from tests.services.running.together import answers, together

RestaurantSpec = Callable[..., OpenRestaurant]
HOST = "staff:7"


@pytest.mark.both
def test_a_guest_and_the_clock_at_once_come_to_one_end(
    db: Engine, restaurant: RestaurantSpec
) -> None:
    stand = two_tables(db, restaurant)
    ends = []
    for _ in range(6):
        number = stand.ask(2)

        def act(which: int, number: int = number) -> bool:
            if which:
                return release(stand, now=minutes(15)) > 0
            return confirm(stand, number, now=minutes(15))

        confirmed, released = answers(together(act, range(2)))
        assert confirmed != released
        row = stand.row(number)
        assert row.status == ("confirmed" if confirmed else "expired")
        assert bool(stand.held(number)) == confirmed
        ends.append(confirmed)
        assert in_order(stand, now=minutes(16))
        if confirmed:
            stand.cancel(number, now=minutes(16))
    print(f"confirmed {sum(ends)} of {len(ends)} times")


@pytest.mark.mariadb
def test_a_confirmation_just_before_the_lock_keeps_the_table(
    db: Engine, restaurant: RestaurantSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = two_tables(db, restaurant)
    number = stand.ask(2)
    just_before_the_lock(
        monkeypatch, "deciding.due", lambda: confirm(stand, number, now=minutes(15))
    )
    assert release(stand, now=minutes(15)) == 0
    assert stand.row(number).status == "confirmed"
    assert in_order(stand, now=minutes(16))


@pytest.mark.mariadb
def test_control_a_look_that_is_not_repeated_takes_a_confirmed_table(
    db: Engine, restaurant: RestaurantSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race exists: without the second check under the lock the confirmed guest loses."""
    stand = two_tables(db, restaurant)
    number = stand.ask(2)
    just_before_the_lock(
        monkeypatch, "deciding.due", lambda: confirm(stand, number, now=minutes(15))
    )

    def find_and_trust(*args: Any, limit: int) -> Any:
        return lock_due(*args, limit=limit)[0], (Reservation.id == number,)

    monkeypatch.setattr("models.operations.deciding.due.lock_due", find_and_trust)
    assert release(stand, now=minutes(15)) == 1
    assert stand.row(number).status == "expired"


@pytest.fixture
def approving(db: Engine, restaurant: RestaurantSpec) -> Stand:
    made = Stand(db, restaurant(tables=TABLES, policies=POLICIES))
    made.plant(update(Restaurant).values(day_rules={"approvals": [{"min_party": 6}]}, revision=50))
    return made


def answer(stand: Stand, number: int, *, yes: bool) -> None:
    work = approve if yes else decline
    stand.do(lambda session: work(session, number, now=NOW, actor=HOST))


def kinds(stand: Stand, number: int) -> list[str]:
    """The messages about the answer, whatever their state."""
    about = Message.reservation_id == number, Message.kind.in_(("confirmation", "declined"))
    with Session(stand.bind) as session:
        return list(session.scalars(select(Message.kind).where(*about)))


@pytest.mark.both
def test_approve_and_decline_at_once_come_to_one_answer(approving: Stand) -> None:
    for _ in range(6):
        number = approving.ask(6)

        def act(yes: bool, number: int = number) -> bool:
            answer(approving, number, yes=yes)
            return True

        approved, declined = together(act, [True, False])
        lost = [each for each in (approved, declined) if each is not True]
        assert [type(each) for each in lost] == [StateConflict]
        expected = "confirmed" if approved is True else "declined"
        assert approving.row(number).status == expected
        assert bool(approving.held(number)) == (approved is True)
        told = "confirmation" if approved is True else "declined"
        assert set(kinds(approving, number)) == {told}
        assert approved_in_order(approving, now=NOW)
        if approved is True:
            approving.cancel(number)


@pytest.mark.mariadb
def test_an_approval_just_before_the_lock_is_not_declined(
    approving: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = approving.ask(6)
    just_before_the_lock(monkeypatch, "deciding.books", lambda: answer(approving, number, yes=True))
    with pytest.raises(StateConflict):
        answer(approving, number, yes=False)
    assert approving.row(number).status == "confirmed"
    assert approved_in_order(approving, now=NOW)


@pytest.mark.mariadb
def test_control_a_decline_that_read_before_its_lock_takes_an_approved_table(
    approving: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race exists: without reading again under the lock, the approved party loses."""
    number = approving.ask(6)

    def read_and_trust(session: Session, reservation_id: int) -> Reservation:
        row = session.get_one(Reservation, reservation_id)
        answer(approving, number, yes=True)
        return row

    with monkeypatch.context() as patch:
        patch.setattr("models.operations.stand.approving.lock_reservation", _once(read_and_trust))
        answer(approving, number, yes=False)
    assert approving.row(number).status == "declined"
    assert not approving.held(number)


def _once(read: Callable[[Session, int], Reservation]) -> Callable[[Session, int], Reservation]:
    left = [read]

    def take(session: Session, reservation_id: int) -> Reservation:
        if left:
            return left.pop()(session, reservation_id)
        return session.get_one(Reservation, reservation_id)

    return take
