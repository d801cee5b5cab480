"""What is stopped, limited or closed on a day, said in the page's language."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime

from models.core.database.transactions import reading
from models.queries.book.shapes import BookBlock, BookView
from models.queries.evening.limits import limits_of
from models.rules.evening.limits import Limited
from models.rules.restaurant.restaurant import QUARTER_SECONDS, RestaurantSpec
from tasks.messaging.templates.wording import Wording, local
from web.pages.stand.lines import DAY_BEGINS, times_of
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


def area_of(restaurant: RestaurantSpec, labels: Collection[str]) -> str:
    """Return the name of the area whose tables these are, all of them; empty: of none."""
    wanted = set(labels)
    for area in restaurant.areas:
        if wanted == {table.label for table in restaurant.tables if table.area_id == area.id}:
            return area.name
    return ""


def moments_of(
    restaurant: RestaurantSpec, view: BookView, said: Wording
) -> Callable[[datetime], str]:
    """Return what writes a moment: its time, and the day unless it is the day shown."""
    clock = times_of(restaurant, said)

    def write(moment: datetime) -> str:
        there = local(moment, zone=restaurant.zone)
        is_near = (there - DAY_BEGINS).date() == view.service_date
        return clock(moment) if is_near else said.short(there)

    return write


def closed_areas(
    restaurant: RestaurantSpec, view: BookView, said: Wording, *, now: datetime
) -> list[str]:
    """Return a text for each area of which all tables are blocked. Asks nothing."""
    write, texts = moments_of(restaurant, view, said), words_of(said.language)
    blocked: dict[BookBlock, list[str]] = {}
    for table in view.tables:
        for each in table.blocks:
            blocked.setdefault(each, []).append(table.label)
    return [
        f"{area}: {texts['area_blocked'].format(a=write(each.starts_at), b=write(each.ends_at))}"
        for each, labels in blocked.items()
        if each.ends_at > now and (area := area_of(restaurant, labels))
    ]


def limits_said(
    restaurant: RestaurantSpec, view: BookView, said: Wording, *, now: datetime
) -> list[str]:
    """Return a text for each limit of the day's books, and each closed area. One query."""
    names = {shift.book_id: shift.name for shift in view.shifts}
    clock, texts = times_of(restaurant, said), words_of(said.language)
    told = []
    for book, kind, begins, covers in stored_limits(view):
        word = "limited_from" if covers else "stopped_from"
        what = texts["closed_from" if kind == Limited.CLOSED else word]
        about = names[book] if kind == Limited.CLOSED else texts["online_booking"]
        told.append(f"{about}: {what.format(time=clock(begins), n=covers)}")
    return [*told, *closed_areas(restaurant, view, said, now=now)]
