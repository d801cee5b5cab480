"""An act on an evening: performed, or only tried, so that its answer is the preview."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from models.core.database.transactions import unit
from models.rules.reservations.lifecycle import shown_status
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.shapes import local_text
from web.nudging import nudge_after_move

T = TypeVar("T")


class _OnlyTriedError(Exception):
    """Rolls the transaction back; carries the answer."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer


def act(work: Callable[[Session], T], *, restaurant: RestaurantSpec, preview: bool) -> T:
    """Run the act and nudge for the work that follows; with `preview`, roll it back."""

    def once(session: Session) -> T:
        answer = work(session)
        if preview:
            raise _OnlyTriedError(answer)
        return answer

    try:
        answer = unit(once)
    except _OnlyTriedError as tried:
        found: T = tried.answer
        return found
    nudge_after_move(restaurant.id)
    return answer


def party_facts(restaurant: RestaurantSpec, row: Any) -> dict[str, Any]:
    """Return a party that an act concerns (the common part of its models)."""
    return {
        "reservation_id": str(row.id),
        "status": shown_status(row.status, row.approve_by),
        "party_size": row.party_size,
        "start": local_text(restaurant, row.starts_at),
    }


def labels_of(restaurant: RestaurantSpec, tables: tuple[int, ...]) -> list[str]:
    """Return the labels of these tables; `#3` for one that is gone."""
    known = restaurant.table_by_id
    return [known[each].label if each in known else f"#{each}" for each in tables]
