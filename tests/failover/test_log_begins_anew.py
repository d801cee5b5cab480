"""Writes of a new primary are never mistaken for its writes of an earlier time as primary."""

import pytest
from sqlalchemy import Engine

from models.core import clock
from tasks.backups.log.origin import origin_of
from tasks.failover.after import record
from tasks.failover.switch import Switched


@pytest.mark.both
def test_a_promoted_server_begins_another_log(db: Engine) -> None:
    first = origin_of("1")
    assert origin_of("1") == first
    promotion = Switched("one:3306", "two:3306", promoted=True, lost=(), stopped_seconds=0.0)
    record(promotion, began=clock.now())
    again = origin_of("1")
    assert again != first
    nothing = Switched("one:3306", "", promoted=False, lost=(), stopped_seconds=0.0)
    record(nothing, began=clock.now())
    assert origin_of("1") == again
