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


def limits_said(restaurant: RestaurantSpec, view: BookView, said: Wording) -> list[str]:
    """Return a text for each limit of the day's books. One query."""
    names = {shift.book_id: shift.name for shift in view.shifts}
    with reading() as session:
        found = [(e.book_id, e.kind, e.from_quarter, e.covers) for e in limits_of(session, names)]
    clock, texts = times_of(restaurant, said), words_of(said.language)
    told = []
    for book, kind, quarter, covers in found:
        word = "limited_from" if covers else "stopped_from"
        what = texts["closed_from" if kind == Limited.CLOSED else word]
        time = clock(datetime.fromtimestamp(quarter * QUARTER_SECONDS, UTC))
        about = names[book] if kind == Limited.CLOSED else texts["online_booking"]
        told.append(f"{about}: {what.format(time=time, n=covers)}")
    return told
