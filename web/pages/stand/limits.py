"""What is stopped, limited or closed on a day, said in the page's language."""

from datetime import UTC, datetime

from models.core.database.transactions import reading
from models.queries.book.shapes import BookView
from models.queries.evening.limits import limits_of
from models.rules.evening.limits import Limited
from models.rules.restaurant.restaurant import QUARTER_SECONDS, RestaurantSpec
from tasks.messaging.templates.wording import Wording
from web.pages.stand.lines import times_of
from web.pages.stand.page import words_of


def stored_limits(view: BookView) -> list[tuple[int, str, datetime, int]]:
    """Return the limits of the day's books: book, kind, from when, covers. One query."""
    with reading() as session:
        found = limits_of(session, [shift.book_id for shift in view.shifts])
        return [
            (
                each.book_id,
                each.kind,
                datetime.fromtimestamp(each.from_quarter * QUARTER_SECONDS, UTC),
                each.covers,
            )
            for each in found
        ]


def limits_said(restaurant: RestaurantSpec, view: BookView, said: Wording) -> list[str]:
    """Return a text for each limit of the day's books. One query."""
    names = {shift.book_id: shift.name for shift in view.shifts}
    clock, texts = times_of(restaurant, said), words_of(said.language)
    told = []
    for book, kind, begins, covers in stored_limits(view):
        word = "limited_from" if covers else "stopped_from"
        what = texts["closed_from" if kind == Limited.CLOSED else word]
        about = names[book] if kind == Limited.CLOSED else texts["online_booking"]
        told.append(f"{about}: {what.format(time=clock(begins), n=covers)}")
    return told
