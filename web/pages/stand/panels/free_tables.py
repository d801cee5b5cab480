"""Tables for a party at a time, the best first: which are free, and for how long."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from models.queries.book.shapes import BookTable, BookView, Interval
from models.rules.deciding.joining import join_by_hand
from models.rules.reservations.lifecycle import HOLDING, Status
from models.rules.restaurant.restaurant import QUARTER_SECONDS, RestaurantSpec
from models.rules.restaurant.sittings import Sitting, quarter_of, sittings_on
from models.rules.restaurant.turn_times import turn_minutes
from web.pages.stand.covers import CoversOf, room_at

#: A party past its turn is counted as leaving this much later.
_STAYS: Final = timedelta(minutes=15)
#: A table that is free for a shorter time is not proposed.
_LEAST: Final = timedelta(minutes=45)


@dataclass(frozen=True, slots=True)
class Choice:
    """A table or a combination for one party."""

    labels: tuple[str, ...]
    area: str
    least: int
    most: int
    #: when the next party comes; None: nobody comes
    free_until: datetime | None
    #: when it becomes free; None: it is free
    taken_until: datetime | None
    #: whole minutes that it lacks to a full turn
    short: int

    @property
    def value(self) -> str:
        """The labels as a form sends them."""
        return "\n".join(self.labels)

    @property
    def text(self) -> str:
        """The labels as a person reads them."""
        return " + ".join(self.labels)


@dataclass(frozen=True, slots=True)
class Start:
    """A time at which a party may come: how many tables fit it, and how busy it is.

    Where covers are counted, `tables` is how many of them are free, or 0 if that is not enough.
    """

    starts_at: datetime
    tables: int
    covers: int
    is_full: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """The choices that fit, the best first; and all others."""

    fitting: list[Choice]
    others: list[Choice]


def turn_of(restaurant: RestaurantSpec, day_sittings: Iterable[Sitting], party_size: int) -> int:
    """Return the minutes of a turn of the day's last shift that has begun; 90 without a shift."""
    shifts = [sitting.shift for sitting in day_sittings]
    if not shifts:
        return 90
    return turn_minutes(restaurant.policies, shifts[-1], party_size=party_size)


def tables_for(
    restaurant: RestaurantSpec,
    view: BookView,
    *,
    party_size: int,
    starts_at: datetime,
    now: datetime,
    without: int = 0,
    first: str = "",
) -> Proposal:
    """Return the tables for such a party.

    `without`: a party whose own tables count as free. `first`: the table that was chosen before.
    """
    sittings = _begun(sittings_on(restaurant, view.service_date), starts_at)
    minutes = turn_of(restaurant, sittings, party_size)
    ends_at = starts_at + timedelta(minutes=minutes)
    busy = {table.id: _busy(table, now=now, without=without) for table in view.tables}
    singles = [
        _choice(restaurant, (table,), (table.min_party, table.max_party), busy, starts_at, ends_at)
        for table in view.tables
    ]
    by_id = {table.id: table for table in view.tables}
    joined = [
        _choice(
            restaurant,
            tuple(by_id[number] for number in each.table_ids),
            (each.min_party, each.max_party),
            busy,
            starts_at,
            ends_at,
        )
        for each in restaurant.combinations
        if all(number in by_id for number in each.table_ids)
    ]
    fitting = [each for each in (*singles, *joined) if _fits(each, party_size, starts_at)]
    fitting.sort(key=lambda each: (each.short, len(each.labels), each.most, each.least))
    fitting.sort(key=lambda each: each.labels != (first,))
    fitting = fitting or _by_hand(restaurant, by_id, party_size, busy, starts_at, ends_at)
    others = [each for each in singles if each not in fitting]
    return Proposal(fitting, others)


def _by_hand(
    restaurant: RestaurantSpec,
    by_id: dict[int, BookTable],
    party_size: int,
    busy: dict[int, list[tuple[datetime, datetime]]],
    starts_at: datetime,
    ends_at: datetime,
) -> list[Choice]:
    """Join free tables for a party that is larger than each table and combination."""
    known = restaurant.table_by_id
    free = [
        known[number]
        for number in by_id.keys() & known.keys()
        if not any(begin < ends_at and until > starts_at for begin, until in busy[number])
    ]
    if any(table.max_party >= party_size for table in free):
        return []  # it is too small for them, or they are free for a moment only
    found = []
    for seats in join_by_hand(free, party_size):
        most = sum(known[number].max_party for number in seats)
        tables = tuple(by_id[number] for number in seats)
        found.append(_choice(restaurant, tables, (1, most), busy, starts_at, ends_at))
    return found


def starts_for(
    restaurant: RestaurantSpec, view: BookView, *, party_size: int, now: datetime
) -> list[tuple[str, list[Start]]]:
    """Return the starts of each shift of the day that are not over, with the tables that fit."""
    found = []
    sittings = {each.book_id: each for each in sittings_on(restaurant, view.service_date)}
    for shift in view.shifts:
        sitting = sittings.get(shift.book_id)
        loads = {each.starts_at: each for each in shift.intervals}
        moments = [each for each in _moments(sitting) if quarter_of(each) >= quarter_of(now)]
        rooms = room_at(restaurant, moments, party_size=party_size, now=now)
        starts = [
            _start(restaurant, view, moment, loads.get(moment), party_size, now, rooms.get(moment))
            for moment in moments
        ]
        if starts:
            found.append((shift.name, starts))
    return found


def _moments(sitting: Sitting | None) -> list[datetime]:
    quarters = sitting.starts if sitting else ()
    return [datetime.fromtimestamp(each * QUARTER_SECONDS, UTC) for each in quarters]


def _start(
    restaurant: RestaurantSpec,
    view: BookView,
    moment: datetime,
    load: Interval | None,
    party_size: int,
    now: datetime,
    room: CoversOf | None,
) -> Start:
    covers = load.covers if load else 0
    limit = load.pacing.covers if load else None
    is_full = limit is not None and covers + party_size > limit
    if room is not None:
        fits = room.covers >= party_size
        return Start(moment, room.covers if fits else 0, covers, is_full or not fits)
    found = tables_for(restaurant, view, party_size=party_size, starts_at=moment, now=now)
    whole = sum(choice.short == 0 for choice in found.fitting)
    return Start(moment, whole, covers, is_full)


def _begun(sittings: Iterable[Sitting], starts_at: datetime) -> list[Sitting]:
    quarter = quarter_of(starts_at)
    ordered = sorted(sittings, key=lambda each: each.starts[0])
    return [each for each in ordered if each.starts[0] <= quarter] or ordered[:1]


def _busy(table: BookTable, *, now: datetime, without: int) -> list[tuple[datetime, datetime]]:
    found = [(each.starts_at, each.ends_at) for each in table.blocks]
    for each in table.seatings:
        if each.status not in HOLDING or each.reservation_id == without:
            continue
        stays = max(each.ends_at, now + _STAYS) if each.status is Status.SEATED else each.ends_at
        found.append((each.starts_at, stays))
    return sorted(found)


def _choice(
    restaurant: RestaurantSpec,
    tables: tuple[BookTable, ...],
    party: tuple[int, int],
    busy: dict[int, list[tuple[datetime, datetime]]],
    starts_at: datetime,
    ends_at: datetime,
) -> Choice:
    spans = sorted(span for table in tables for span in busy[table.id])
    taken = max((until for begin, until in spans if begin <= starts_at < until), default=None)
    comes = min((begin for begin, _ in spans if begin > starts_at), default=None)
    lacks = max(0, int((ends_at - comes).total_seconds() // 60)) if comes else 0
    area = restaurant.area_by_key.get(tables[0].area_key or "")
    labels = tuple(table.label for table in tables)
    return Choice(labels, area.name if area else "", *party, comes, taken, lacks)


def _fits(choice: Choice, party_size: int, starts_at: datetime) -> bool:
    if choice.taken_until or not choice.least <= party_size <= choice.most:
        return False
    return choice.free_until is None or choice.free_until - starts_at >= _LEAST
