"""Turn times: how long a party keeps its table, and how long the table is then unavailable."""

from operator import attrgetter

from models.rules.restaurant.restaurant import DEFAULT_TURN_TIMES, Policies, ShiftSpec, TurnTime

QUARTER_MINUTES = 15
_UP_TO = attrgetter("up_to")


def turn_minutes(policies: Policies, shift: ShiftSpec, *, party_size: int) -> int:
    """Minutes a party of that size keeps its table; the shift's own turn times come first.

    A party larger than every row gets the row for the largest parties.
    """
    rows = _rows(policies, shift)
    fitting = [row for row in rows if party_size <= row.up_to]
    row = min(fitting, key=_UP_TO) if fitting else max(rows, key=_UP_TO)
    return row.minutes


def buffer_minutes(policies: Policies, shift: ShiftSpec) -> int:
    """Minutes to reset a table after a party; guests never see them."""
    if shift.buffer_minutes is None:
        return policies.buffer_minutes
    return shift.buffer_minutes


def turn_quarters(policies: Policies, shift: ShiftSpec, *, party_size: int) -> int:
    """Quarter-hours of the turn, without the buffer, rounded up."""
    return _quarters(turn_minutes(policies, shift, party_size=party_size))


def held_quarters(policies: Policies, shift: ShiftSpec, *, party_size: int) -> int:
    """Quarter-hours for which the table is held: turn and buffer together, rounded up."""
    turn = turn_minutes(policies, shift, party_size=party_size)
    return _quarters(turn + buffer_minutes(policies, shift))


def longest_held_quarters(policies: Policies, shift: ShiftSpec) -> int:
    """The most quarter-hours that any party of this shift can hold a table."""
    turn = max(row.minutes for row in _rows(policies, shift))
    return _quarters(turn + buffer_minutes(policies, shift))


def _rows(policies: Policies, shift: ShiftSpec) -> tuple[TurnTime, ...]:
    return shift.turn_times or policies.turn_times or DEFAULT_TURN_TIMES


def _quarters(minutes: int) -> int:
    return max(1, -(-minutes // QUARTER_MINUTES))
