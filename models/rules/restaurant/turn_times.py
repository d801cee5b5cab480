"""Turn times: how long a party keeps its table, and how long the table is then unavailable."""

from collections.abc import Iterable
from operator import attrgetter

from models.rules.restaurant.restaurant import (
    DEFAULT_TURN_TIMES,
    Policies,
    RestaurantSpec,
    ShiftSpec,
    TurnTime,
)

QUARTER_MINUTES = 15
_UP_TO = attrgetter("up_to")


def turn_minutes(policies: Policies, shift: ShiftSpec, *, party_size: int) -> int:
    """Minutes a party of that size keeps its table where its area has no turn times of its own.

    The shift's own turn times come before the restaurant's. A party larger than every row gets the
    row for the largest parties.
    """
    return _minutes(_rows(policies, shift), party_size)


def turn_in(
    restaurant: RestaurantSpec, shift: ShiftSpec, areas: Iterable[int | None], *, party_size: int
) -> int:
    """Minutes a party keeps a table in that area (of joined tables in several: the longest turn).

    The area's own turn times come before those of the shift.
    """
    usual = turn_minutes(restaurant.policies, shift, party_size=party_size)
    if not restaurant.turns_vary:
        return usual
    known = [restaurant.area_by_id[area] for area in areas if area in restaurant.area_by_id]
    turns = [_minutes(area.turn_times, party_size) if area.turn_times else usual for area in known]
    return max(turns, default=usual)


def turn_at(
    restaurant: RestaurantSpec,
    shift: ShiftSpec,
    seats: Iterable[int],
    *,
    party_size: int,
) -> int:
    """Minutes a party keeps these tables."""
    if not restaurant.turns_vary:
        return turn_minutes(restaurant.policies, shift, party_size=party_size)
    tables = [restaurant.table_by_id[each] for each in seats if each in restaurant.table_by_id]
    return turn_in(restaurant, shift, {table.area_id for table in tables}, party_size=party_size)


def possible_turns(restaurant: RestaurantSpec, shift: ShiftSpec, *, party_size: int) -> set[int]:
    """The minutes of all the turns that such a party may get, wherever it is seated."""
    usual = turn_minutes(restaurant.policies, shift, party_size=party_size)
    own = (area.turn_times for area in restaurant.areas if area.turn_times)
    return {usual, *(_minutes(rows, party_size) for rows in own)}


def buffer_minutes(policies: Policies, shift: ShiftSpec) -> int:
    """Minutes to reset a table after a party; guests never see them."""
    if shift.buffer_minutes is None:
        return policies.buffer_minutes
    return shift.buffer_minutes


def held_quarters(policies: Policies, shift: ShiftSpec, *, party_size: int) -> int:
    """Quarter-hours for which the table is held: turn and buffer together, rounded up."""
    turn = turn_minutes(policies, shift, party_size=party_size)
    return in_quarters(turn + buffer_minutes(policies, shift))


def longest_held_quarters(
    policies: Policies, shift: ShiftSpec, others: Iterable[tuple[TurnTime, ...]] = ()
) -> int:
    """The most quarter-hours that any party of this shift can hold a table.

    `others`: the turn times that areas have of their own.
    """
    rows = (*_rows(policies, shift), *(row for each in others for row in each))
    return in_quarters(max(row.minutes for row in rows) + buffer_minutes(policies, shift))


def in_quarters(minutes: int) -> int:
    """Minutes as whole quarter-hours, rounded up; at least one."""
    return max(1, -(-minutes // QUARTER_MINUTES))


def _rows(policies: Policies, shift: ShiftSpec) -> tuple[TurnTime, ...]:
    return shift.turn_times or policies.turn_times or DEFAULT_TURN_TIMES


def _minutes(rows: tuple[TurnTime, ...], party_size: int) -> int:
    fitting = [row for row in rows if party_size <= row.up_to]
    row = min(fitting, key=_UP_TO) if fitting else max(rows, key=_UP_TO)
    return row.minutes
