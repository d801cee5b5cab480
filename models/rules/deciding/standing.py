"""Standing: the objections to one upcoming party, given its restaurant as it is now.

The checks use the rules by which parties are seated (`find_sitting`, `candidates`, `turn_minutes`)
and add none. Anything that the staff may do is no objection: walk-ins, tables and turns that a
person chose, parties that have arrived, pacing, and the limits of lead time and booking window.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

from models.rules.deciding.objection import HERE, Code, Objection, Party
from models.rules.deciding.standing_tables import place_of
from models.rules.reservations.lifecycle import HOLDING
from models.rules.restaurant.closing import last_start
from models.rules.restaurant.policies import STAFF_MAX_PARTY
from models.rules.restaurant.restaurant import (
    QUARTER_SECONDS,
    RestaurantSpec,
    ShiftSpec,
    split_book_id,
)
from models.rules.restaurant.sittings import (
    Sitting,
    closed_areas,
    find_sitting,
    quarter_of,
    shifts_on,
)
from models.rules.restaurant.sittings import local as local_time
from models.rules.restaurant.turn_times import possible_turns

_DAY: Final = timedelta(days=1)


def objections(
    restaurant: RestaurantSpec, party: Party, *, before: RestaurantSpec | None = None
) -> tuple[Objection, ...]:
    """All objections; empty for a party as the decision makes it.

    A requested party has been promised nothing: its objections are those that the decision will
    report. `before`: the restaurant at an older revision, for the names of parts removed since.
    """
    sitting = find_sitting(restaurant, party.starts_at)
    closed = closed_areas(restaurant, sitting) if sitting else frozenset[int]()
    found = place_of(restaurant, party, before, closed=closed)
    if party.ends_at <= party.starts_at or not 1 <= party.party_size <= STAFF_MAX_PARTY:
        found = (*_row(party), *found)
    if sitting is None or sitting.book_id != party.book_id:
        found = (*_start(restaurant, party, sitting, before), *found)
    if party.told is not None and party.status not in HERE:
        found = (*_wall_time(restaurant, party.starts_at, party.told), *found)
    if sitting is not None and not party.chosen:
        if party.status in HOLDING:
            found = (*found, *_turn(restaurant, party, sitting.shift))
        if party.online and sitting.closes is not None:
            found = (*found, *_runs_over(restaurant, party, sitting))
    return found


def _row(party: Party) -> Iterator[Objection]:
    if not 1 <= party.party_size <= STAFF_MAX_PARTY:
        words = f"a party of {party.party_size}; it must be from 1 to {STAFF_MAX_PARTY}"
        yield Objection(Code.PARTY_SIZE, "", words)
    if party.ends_at <= party.starts_at:
        yield Objection(Code.ENDS_BEFORE_START, "", "its turn ends before it starts")


def _turn(restaurant: RestaurantSpec, party: Party, shift: ShiftSpec) -> Iterator[Objection]:
    # every seated party has been touched by a person, so `chosen` is true for it
    # in another area than the one decided on, it keeps the turn that it was given
    turns = possible_turns(restaurant, shift, party_size=party.party_size)
    has = (party.ends_at - party.starts_at) // timedelta(minutes=1)
    if has not in turns:
        minutes = " or ".join(str(each) for each in sorted(turns))
        words = f"its turn is {has} minutes; shift {shift.key} gives such a party {minutes}"
        yield Objection(Code.TURN, f"shift {shift.key}", words)


def _runs_over(restaurant: RestaurantSpec, party: Party, sitting: Sitting) -> Iterator[Objection]:
    """A party with a table keeps its agreed turn; a waiting one gets the turn of today's rules."""
    if party.status in HOLDING and sitting.closes is not None:
        is_late = party.ends_at.timestamp() > sitting.closes * QUARTER_SECONDS
    else:
        area, size = party.area_id, party.party_size
        last = last_start(restaurant, sitting, party_size=size, area_id=area)
        is_late = quarter_of(party.starts_at) > last
    if is_late:
        name = f"shift {sitting.shift.key}"
        words = f"it stays longer than {name}, which ends at {sitting.shift.ends:%H:%M}"
        yield Objection(Code.RUNS_OVER, name, words)


def _wall_time(
    restaurant: RestaurantSpec, starts_at: datetime, told: datetime
) -> Iterator[Objection]:
    now = local_time(restaurant, quarter_of(starts_at))
    if now.replace(tzinfo=None) != told.replace(tzinfo=None):
        words = f"the guest was told {told:%H:%M}, which is {now:%H:%M} by the current zone rules"
        yield Objection(Code.WALL_TIME, "zone", words)


# --- its start and its book


def _start(
    restaurant: RestaurantSpec, party: Party, sitting: Sitting | None, before: RestaurantSpec | None
) -> Iterator[Objection]:
    shift_id, day = split_book_id(party.book_id)
    if sitting is not None and not party.walk_in:
        about = f"shift {sitting.shift.key}"
        own = _shift_name(restaurant, before, shift_id)
        words = f"its start belongs to {about} on {sitting.service_date}, not to {own} on {day}"
        yield Objection(Code.OTHER_BOOK, about, words)
        return
    starts = local_time(restaurant, quarter_of(party.starts_at)).date()
    if day not in (starts, starts - _DAY):
        yield Objection(Code.OTHER_BOOK, "", f"it is in the book of {day} but starts on {starts}")
    elif sitting is None and not party.walk_in and party.status not in HERE:
        yield _no_start(restaurant, party, before)


def _no_start(restaurant: RestaurantSpec, party: Party, before: RestaurantSpec | None) -> Objection:
    """Why no shift offers the party's start."""
    shift_id, day = split_book_id(party.book_id)
    shift, name = restaurant.shift_by_id.get(shift_id), _shift_name(restaurant, before, shift_id)
    for closure in restaurant.closures:
        if closure.covers(day) and closure.shift_key in (None, shift.key if shift else None):
            what = "the restaurant" if closure.shift_key is None else name
            why = f" ({closure.reason})" if closure.reason else ""
            return Objection(Code.CLOSED, f"closure {day}", f"{what} is closed on {day}{why}")
    if shift is None:
        return Objection(Code.SHIFT_GONE, name, f"{name} no longer exists")
    return Objection(Code.NO_START, *_not_offered(restaurant, party.starts_at, shift, day))


def _not_offered(
    restaurant: RestaurantSpec, starts_at: datetime, shift: ShiftSpec, day: date
) -> tuple[str, str]:
    name = f"shift {shift.key}"
    run = shifts_on(restaurant, day)
    if shift in run:
        wall = local_time(restaurant, quarter_of(starts_at))
        return name, f"{wall:%H:%M} is not a start of {name}"
    if special := next((each for each in run if each.on_date == day), None):
        return f"shift {special.key}", f"the special hours {special.key} of {day} replace {name}"
    return name, f"{name} does not run on {day}"


def _shift_name(restaurant: RestaurantSpec, before: RestaurantSpec | None, shift_id: int) -> str:
    shift = restaurant.shift_by_id.get(shift_id) or (before and before.shift_by_id.get(shift_id))
    return f"shift {shift.key}" if shift else f"shift #{shift_id}"
