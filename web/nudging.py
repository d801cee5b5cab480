"""What the edge says to the workers after a commit. Never an error: rows are the queue."""

from models.core.settings import settings
from tasks.nudges import nudge_lane, nudge_messages


def nudge_restaurant(restaurant_id: int) -> None:
    """Somebody waits in this restaurant's lane, or capacity was freed there."""
    nudge_lane(restaurant_id % settings().lanes)


def nudge_after_move(restaurant_id: int) -> None:
    """A reservation was moved: its lane may promote someone, and messages may be due."""
    nudge_restaurant(restaurant_id)
    nudge_messages()


def nudge_after_link() -> None:
    """A message is due, and nothing else has changed."""
    nudge_messages()
