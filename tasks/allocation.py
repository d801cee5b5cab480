"""The allocation queue: decide the requests and changes that wait in a lane."""

from models.core.redis import signals
from tasks.app import app
from tasks.jobs.lanes import drain_lane
from tasks.nudges import nudge_lane, nudge_messages


@app.task(name="allocation.decide")
def decide(lane: int) -> None:
    """Drain the lane: run rounds of decisions until nothing waits. Idempotent."""
    signals.start_on(f"lane:{lane}")
    if drain_lane(lane, nudge_messages=nudge_messages):
        nudge_lane(lane)
