"""Decides waitlists again after the flag for waitlist offers was changed."""

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from models.core.database.transactions import reading, unit
from models.entities.running import JobRun
from models.operations.deciding.books import ask_waitlists
from models.operations.running.flags import offers_to_repeat
from models.queries.running import flags

#: Key in the sweep's result: the id of the last flag change that it has handled.
FLAGS_SEEN: Final = "flags_seen"


def repeat_offers(now: datetime) -> int:
    """Have the waitlists decided again where the flag for waitlist offers was changed.

    Waits until every process has seen the change: one that has not would make no offers. Returns
    the id of the last change that was handled.
    """
    until = now - timedelta(seconds=2 * flags.FRESH_SECONDS)
    with reading() as session:
        run = session.get(JobRun, "sweep")
        after = (run.result or {}).get(FLAGS_SEEN, 0) if run else 0
        seen, restaurants = offers_to_repeat(session, after=after, until=until)
    for restaurant in sorted(restaurants):
        unit(partial(ask_waitlists, restaurant_id=restaurant, now=now))
    return seen
