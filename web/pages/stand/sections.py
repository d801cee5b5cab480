"""The servers' sections as the stand shows them: whose table, which covers, whose turn is next."""

from dataclasses import dataclass
from datetime import datetime

from models.core.database.transactions import reading
from models.queries.book.shapes import BookShift, BookView
from models.queries.evening.sections import SectionView, sections_of
from models.rules.evening.sections import next_section
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import quarter_of, sittings_on


@dataclass(frozen=True, slots=True)
class ShownSection:
    """A server's section: `short` stands on its tables."""

    server: str
    short: str
    seated: int
    to_come: int
    is_next: bool
    tables: tuple[int, ...]


def shift_now(restaurant: RestaurantSpec, view: BookView, now: datetime) -> BookShift | None:
    """Return the day's last shift that has begun, else its first."""
    sittings = {each.book_id: each for each in sittings_on(restaurant, view.service_date)}
    open_ = [shift for shift in view.shifts if shift.book_id in sittings]
    open_.sort(key=lambda shift: sittings[shift.book_id].starts[0])
    begun = [each for each in open_ if sittings[each.book_id].starts[0] <= quarter_of(now)]
    return begun[-1] if begun else open_[0] if open_ else None


def shown_sections(
    restaurant: RestaurantSpec, view: BookView, *, now: datetime
) -> list[ShownSection]:
    """Return the sections of the shift that is on. Two queries; none without a shift."""
    shift = shift_now(restaurant, view, now)
    if shift is None:
        return []
    with reading() as session:
        found = sections_of(session, shift.book_id)
    return shown(found)


def shown(found: list[SectionView]) -> list[ShownSection]:
    """Return these sections as they are shown."""
    following = next_section([each.load for each in found])
    shorts = _shorts([each.load.server for each in found])
    return [
        ShownSection(
            each.load.server,
            shorts[each.load.server],
            each.load.seated,
            each.load.to_come,
            each.load.server == following,
            each.tables,
        )
        for each in found
    ]


def _shorts(servers: list[str]) -> dict[str, str]:
    """Return the fewest first letters that tell the servers apart, two at least."""
    for length in range(2, 9):
        shorts = {server: server[:length].strip() for server in servers}
        if len(set(shorts.values())) == len(servers):
            break
    return shorts if servers else {}
