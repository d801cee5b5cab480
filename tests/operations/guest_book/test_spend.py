"""What a party spent: recorded while it sits or after, added up on its guest's record."""

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from models.core.errors import StateConflict
from models.entities import PartyDetails
from models.operations.reservations.repeats import ActsOn
from models.operations.stand.arrivals import finish, seat
from models.operations.stand.party_details import record_spend
from models.operations.stand.undo import take_back
from models.queries.guest_book.record import view_record
from models.queries.guest_book.stats import GuestStats
from models.rules.reservations.lifecycle import Status
from tests.operations.evenings import QUARTER, a_stand, history
from tests.operations.guest_book.test_online_refused import record
from tests.queries.evening import check, send_due
from tests.services.running.stand import START, Stand

pytestmark = pytest.mark.both

ANN, PHONE = "ann@example.com", "+4930123456"


def stats(stand: Stand) -> GuestStats:
    guest = record(stand)
    with Session(stand.bind) as session:
        return view_record(session, stand.restaurant.id, guest).stats


def test_spend_is_added_up_over_the_visits_of_which_it_is_known(db: Engine) -> None:
    stand = a_stand(db)
    first = stand.ask(2, email=ANN, phone=PHONE)
    second = stand.book(2, email=ANN)
    stand.book(2, email=ANN, start=START + 3 * QUARTER)
    assert (stats(stand).spend, stats(stand).spend_average) == (0, None)
    for number, amount in ((first, 12_850), (second, 7_101)):
        stand.move(seat, number, now=START)
        for _ in range(2):  # the repeat does nothing
            stand.move(record_spend, number, now=START + QUARTER, amount=amount)
    stand.move(finish, first, now=START + 2 * QUARTER)
    assert history(stand, first)[-2:] == [
        ("seated", "seated", "spend"), ("seated", "finished", "finish")
    ]  # fmt: skip
    found = stats(stand)
    assert (found.spend, found.spend_visits, found.spend_average) == (19_951, 2, 9_976)
    stand.move(record_spend, first, now=START + 3 * QUARTER, amount=None)
    assert stats(stand).spend == 7_101
    stand.drain(now=START + 3 * QUARTER)
    send_due(stand, until=START + 3 * QUARTER)
    assert check(stand, now=START + 3 * QUARTER) == []


def test_a_party_that_never_sat_has_spent_nothing(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2, email=ANN)
    with pytest.raises(StateConflict, match="has spent nothing"):
        stand.move(record_spend, number, now=START, amount=100)


def test_the_last_step_can_be_undone_after_the_spend_is_recorded(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2, email=ANN)
    stand.move(seat, number, now=START)
    stand.move(finish, number, now=START + QUARTER)
    stand.move(record_spend, number, now=START + QUARTER, amount=100)
    acts_on = ActsOn(Status.FINISHED)
    stand.move(take_back, number, now=START + QUARTER, acts_on=acts_on)
    assert stand.row(number).status == "seated"


def test_the_check_finds_a_spend_that_cannot_be(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2, email=ANN)
    stand.move(seat, number, now=START)
    stand.move(record_spend, number, now=START, amount=100)
    stand.do(lambda session: session.execute(update(PartyDetails).values(spend=-1)))
    assert [number] in [list(each.ids) for each in check(stand, now=START)]
