"""The list at the door, and unconfirmed parties, where covers are counted instead of tables."""

import pytest
from sqlalchemy import Engine

from models.core.errors import NotSeated, StateConflict
from models.operations.door.calling import call_to_table
from models.operations.stand.arrivals import finish, seat
from models.rules.door.quotes import Quote
from tasks.jobs.stand import STAND_JOBS
from tests.operations.covers.counted import a_counted, minutes, there, wrong
from tests.operations.door.evening import DOOR, entry, places, wait
from tests.operations.evenings import statuses
from tests.operations.stand.test_walk_ins import walk_in
from tests.services.running.stand import START

pytestmark = pytest.mark.both


def test_a_party_waits_is_quoted_called_and_seated(db: Engine) -> None:
    stand = a_counted(db, policies=DOOR)
    sits = stand.ask(8)
    stand.move(seat, sits, now=START)
    party, small = wait(stand, 4), wait(stand, 2)
    waits = {number: quote for number, _, quote in places(stand, now=START)}
    assert waits == {party: Quote(120, 150), small: Quote(0, 0)}
    with pytest.raises(NotSeated, match="no room"):
        stand.move(call_to_table, party, now=minutes(1))
    stand.move(call_to_table, small, now=minutes(1))
    assert there(stand, minutes(10), now=minutes(2)) == 10  # it is on its way
    with pytest.raises(NotSeated):
        walk_in(stand, 1)
    stand.move(seat, small, now=minutes(5))
    with pytest.raises(StateConflict, match="no room"):
        stand.move(seat, party, now=minutes(5))
    stand.move(finish, sits, now=minutes(60))
    stand.move(seat, party, now=minutes(61))
    assert statuses(stand, [small, party]) == ["seated", "seated"]
    assert wrong(stand, now=minutes(61)) == []


def test_a_missed_call_gives_its_room_back(db: Engine) -> None:
    stand = a_counted(db, policies=DOOR)
    stand.move(seat, stand.ask(8), now=START)
    called, large, fits = wait(stand, 2), wait(stand, 4), wait(stand, 2)
    stand.move(call_to_table, called, now=minutes(1))
    assert STAND_JOBS["call_next"](minutes(12)) == 1
    assert entry(stand, called).missed_at is not None
    # the next in line is too large for the room: nobody is passed over for it
    assert [entry(stand, each).ready_until for each in (large, fits)] == [None, None]
    assert (there(stand, minutes(15), now=minutes(12)), wrong(stand, now=minutes(12))) == (8, [])


def test_unconfirmed_parties_hold_their_share_of_the_covers(db: Engine) -> None:
    policies = {"confirm_by_link": True, "unproved_percent": 50}
    stand = a_counted(db, 12, policies=policies)
    numbers = [stand.ask(3) for _ in range(3)]
    assert statuses(stand, numbers) == ["confirmed", "confirmed", "waitlisted"]
    together = [stand.request(3, start=minutes(120)) for _ in range(3)]
    stand.drain()
    assert statuses(stand, together) == ["confirmed", "confirmed", "waitlisted"]
