"""Wake the workers after a commit. A nudge never raises: the rows themselves are the queue."""

from models.core.settings import settings
from tasks.nudges import nudge_lane, nudge_messages


def nudge_restaurant(restaurant_id: int) -> None:
    """Wake the restaurant's allocation lane: a request waits there, or capacity was freed.

    A lane is one of the queues into which restaurants are divided (id modulo LANES).
    """
    nudge_lane(restaurant_id % settings().lanes)


def nudge_after_move(restaurant_id: int) -> None:
    """Wake the lane, which may promote a waitlisted party, and the message workers."""
    nudge_restaurant(restaurant_id)
    nudge_messages()


def nudge_after_link() -> None:
    """Wake the message workers only."""
    nudge_messages()
