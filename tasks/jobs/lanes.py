"""Runs rounds of decisions in a lane until nothing waits there.

A lane is the share of the restaurants whose ids are equal modulo LANES.
"""

from collections.abc import Callable
from time import monotonic

from models.core import clock
from models.core.database.transactions import unit
from models.core.errors import RestaurantUnreadable
from models.core.redis import signals
from models.core.settings import settings
from models.operations.deciding.allocation import decide_waiting
from models.operations.deciding.rounds import Decided
from models.queries.running import flags
from tasks import metrics, traced

#: A task that has drained its lane for this long leaves the rest to a new task.
DRAIN_SECONDS = 30


def drain_lane(lane: int, *, nudge_messages: Callable[[], None]) -> bool:
    """Run rounds until nothing waits or the time is up. Return True when there may be more.

    `nudge_messages` is called after each round that queued messages.
    """
    ends = monotonic() + DRAIN_SECONDS
    while _round(lane, nudge_messages).more:
        if monotonic() > ends:
            return True
    return False


def _round(lane: int, nudge_messages: Callable[[], None]) -> Decided:
    limit, began = settings().decide_batch, clock.nanoseconds()
    flags.refresh()
    try:
        decided = unit(lambda session: decide_waiting(session, lane, now=clock.now(), limit=limit))
    except RestaurantUnreadable:
        return Decided(more=True)  # already logged; the next round's query skips this restaurant
    signals.signal_decided(decided.awaited)
    metrics.count_round(decided, now=clock.now())
    if decided.messages:
        nudge_messages()
    traced.log_decided(decided.answers, began=began)
    return decided
