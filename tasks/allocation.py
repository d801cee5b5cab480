"""The allocation queue: decide the requests and changes that wait in a lane.

A lane is the share of the restaurants whose ids are equal modulo LANES.
"""

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
from tasks.app import app
from tasks.nudges import nudge_lane, nudge_messages

#: A task that has drained its lane for this long leaves the rest to a new task.
DRAIN_SECONDS = 30


@app.task(name="allocation.decide")
def decide(lane: int) -> None:
    """Drain the lane: run rounds of decisions until nothing waits. Idempotent."""
    signals.start_on(f"lane:{lane}")
    ends = monotonic() + DRAIN_SECONDS
    while _round(lane).more:
        if monotonic() > ends:
            nudge_lane(lane)
            return


def _round(lane: int) -> Decided:
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
