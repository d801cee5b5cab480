"""What the check says of a restaurant without tables."""

import pytest
from sqlalchemy import Engine, update

from models.entities import Reservation, Restaurant
from tests.operations.covers.counted import a_counted, wrong
from tests.operations.evenings import revise

pytestmark = pytest.mark.both


def test_more_covers_than_allowed_are_a_finding(db: Engine) -> None:
    stand = a_counted(db)
    party = stand.ask(4)
    stand.ask(4)
    stand.plant(update(Reservation).where(Reservation.id == party).values(party_size=7))
    found = [text for rule, text in wrong(stand) if rule == "covers"]
    assert "demo, 2026-03-06T18:00+00:00: 11 covers in the restaurant, 10 allowed" in found
    forced = update(Reservation).where(Reservation.id == party).values(pacing_forced=True)
    stand.plant(forced)
    assert [text for rule, text in wrong(stand) if rule == "covers"] == []


def test_a_file_with_fewer_covers_is_no_finding_for_older_decisions(db: Engine) -> None:
    stand = a_counted(db)
    stand.ask(4)
    party = stand.ask(4)
    revise(stand, update(Restaurant).values(covers=6))
    assert [rule for rule, _ in wrong(stand)] == ["covers"] * 7
    stand.plant(update(Restaurant).values(revised_at=stand.row(party).decided_at))
    assert [rule for rule, _ in wrong(stand)] == []
