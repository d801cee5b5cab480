"""Seating: which tables a party gets. One integer per table, one bit per quarter-hour."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar, cast

from models.rules.restaurant.covers import largest_party
from models.rules.restaurant.features import NOTHING, Wants
from models.rules.restaurant.restaurant import CombinationSpec, RestaurantSpec, TableSpec

V = TypeVar("V")

#: Tables that one party takes together; nearly always one.
Seats = tuple[int, ...]
#: Tables, and the bits for which they are held.
Place = tuple[Seats, int]
NO_AREA: frozenset[int] = frozenset()
#: All that a party takes where covers are counted.
NO_TABLES: Seats = ()


def candidates(
    restaurant: RestaurantSpec,
    party_size: int,
    *,
    area_id: int | None,
    online: bool,
    closed: frozenset[int] = NO_AREA,
    walk_in: bool = False,
    wants: Wants = NOTHING,
) -> tuple[Seats, ...]:
    """The tables that could seat this party, best first.

    The smallest single table that fits comes first, combinations last; a walk-in gets the tables
    for walk-ins before others. In-house tables are left out for online parties, tables for walk-ins
    for all who booked, and so are the areas `closed` then. Each table has what the party needs;
    those with more of what it wishes for come first.
    """
    key = ("candidates", party_size, area_id, online, closed, walk_in, wants)
    known = restaurant.memo.get(key)
    if known is not None:
        return cast("tuple[Seats, ...]", known)

    def find() -> tuple[Seats, ...]:
        if restaurant.covers is not None:
            return _without_tables(restaurant, party_size, area_id in closed, wants)
        usable = {
            table.id: table
            for table in restaurant.tables
            if is_for(table, online=online, walk_in=walk_in)
            and area_id in (None, table.area_id)
            and table.area_id not in closed
            and set(wants.needs) <= set(table.features)
        }
        found = _candidates(restaurant, party_size, usable)
        return _by_wishes(restaurant, found, wants) if wants.wishes else found

    return _remembered(restaurant, key, find)


def _without_tables(
    restaurant: RestaurantSpec, party_size: int, is_closed: bool, wants: Wants
) -> tuple[Seats, ...]:
    """Without tables a party that fits needs none: the floor counts its covers."""
    fits = party_size <= (largest_party(restaurant) or 0)
    return (NO_TABLES,) if fits and not is_closed and not wants.needs else ()


def _by_wishes(
    restaurant: RestaurantSpec, found: tuple[Seats, ...], wants: Wants
) -> tuple[Seats, ...]:
    """Put first what has most of the wishes at each of its tables."""

    def missing(seats: Seats) -> int:
        has = [set(restaurant.table_by_id[table].features) for table in seats]
        return sum(any(wish not in each for each in has) for wish in wants.wishes)

    return tuple(sorted(found, key=missing))


def is_for(table: TableSpec, *, online: bool, walk_in: bool) -> bool:
    """Whether a decision may give the table to a party that came this way."""
    return table.online if online else walk_in or not table.walk_in


def _candidates(
    restaurant: RestaurantSpec, party_size: int, usable: Mapping[int, TableSpec]
) -> tuple[Seats, ...]:
    singles = sorted(
        (table for table in usable.values() if table.min_party <= party_size <= table.max_party),
        key=_single_order,
    )
    joined = sorted(
        (
            combination
            for combination in restaurant.combinations
            if combination.min_party <= party_size <= combination.max_party
            and all(table_id in usable for table_id in combination.table_ids)
        ),
        key=_joined_order,
    )
    return tuple((table.id,) for table in singles) + tuple(each.table_ids for each in joined)


def _single_order(table: TableSpec) -> tuple[bool, int, int, int]:
    return not table.walk_in, table.max_party, table.priority, table.id


def _joined_order(combination: CombinationSpec) -> tuple[int, int, int, int]:
    return len(combination.table_ids), combination.max_party, combination.priority, combination.id


class Floor:
    """The tables of a restaurant over some hours, as bitmaps. Bit 0 is the quarter `base`."""

    __slots__ = ("base", "blocked", "covers", "freed", "taken", "version")

    def __init__(self, base: int, taken: dict[int, int]) -> None:
        self.base = base
        self.taken = taken
        #: the bits of blocked tables: these are taken whoever leaves
        self.blocked: dict[int, int] = {}
        #: where there are no tables: quarter -> the covers in the restaurant
        self.covers: dict[int, int] = {}
        self.version = 0
        #: number of releases so far
        self.freed = 0

    def mask(self, quarter: int, held: int) -> int:
        """The bits of a seating from `quarter` on for `held` quarters (turn and buffer)."""
        bits = ((1 << held) - 1) << max(quarter - self.base, 0)
        return bits if quarter >= self.base else bits >> (self.base - quarter)

    def first_free(self, wanted: Iterable[Seats], mask: int) -> Seats | None:
        """The first of the candidates that is free for all of the mask."""
        taken = self.taken
        for seats in wanted:
            for table_id in seats:
                if taken.get(table_id, 0) & mask:
                    break
            else:
                return seats
        return None

    def take(self, seats: Seats, mask: int) -> None:
        """Mark these tables as held for the mask."""
        for table_id in seats:
            self.taken[table_id] = self.taken.get(table_id, 0) | mask
        self.version += 1

    def block(self, table_id: int, mask: int) -> None:
        """Mark the table as blocked for the mask, with or without a party."""
        self.blocked[table_id] = self.blocked.get(table_id, 0) | mask
        self.take((table_id,), mask)

    def is_blocked(self, seats: Seats, mask: int) -> bool:
        """Whether one of these tables is blocked in the mask."""
        return any(self.blocked.get(table_id, 0) & mask for table_id in seats)

    def release(self, seats: Seats, mask: int) -> None:
        """Mark these tables as free for the mask, except where they are blocked."""
        for table_id in seats:
            self._let_go(table_id, mask)
        self.version += 1
        self.freed += 1

    def rearrange(self, leaves: Iterable[Place], comes: Iterable[Place]) -> None:
        """Move parties from some tables to others; this does not count as a release."""
        for seats, mask in leaves:
            for table_id in seats:
                self._let_go(table_id, mask)
        for seats, mask in comes:
            self.take(seats, mask)

    def _let_go(self, table_id: int, mask: int) -> None:
        left = self.taken.get(table_id, 0) & ~mask
        self.taken[table_id] = left | self.blocked.get(table_id, 0)

    def count(self, quarter: int, held: int, covers: int) -> None:
        """Count so many covers more in the restaurant (negative: fewer) for the quarters held."""
        for each in range(quarter, quarter + held):
            self.covers[each] = self.covers.get(each, 0) + covers
        self.version += 1
        self.freed += covers < 0

    def free_starts(self, wanted: Iterable[Seats], held: int, all_starts: int) -> int:
        """The starts (bits, of `all_starts`) at which some candidate is free for `held` quarters.

        Bit-parallel: all starts of a table are checked together, in log2(held) shifts.
        """
        found = 0
        for seats in wanted:
            blocked = 0
            for table_id in seats:
                blocked |= self.taken.get(table_id, 0)
            found |= ~spread(blocked, held) & all_starts
            if found == all_starts:
                break
        return found


def spread(taken: int, held: int) -> int:
    """The starts that collide: bit i is set when any of the `held` bits from i on is taken."""
    covered = 1
    while covered < held:
        step = min(covered, held - covered)
        taken |= taken >> step
        covered += step
    return taken


def bits(value: int) -> Iterator[int]:
    """The positions of the bits that are set, ascending."""
    while value:
        low = value & -value
        yield low.bit_length() - 1
        value ^= low


def _remembered(restaurant: RestaurantSpec, key: object, make: Callable[[], V]) -> V:
    found = restaurant.memo.get(key)
    if found is None:
        found = restaurant.memo[key] = make()
    return cast("V", found)
