"""The tables a party gets, and bitmaps that agree with sets of (table, quarter)."""

from hypothesis import given
from hypothesis import strategies as st

from models.rules.deciding.board import Ask
from models.rules.deciding.seating import Floor, Seats, bits, candidates, spread
from models.rules.restaurant.restaurant import RestaurantSpec
from tests.rules.floors import (
    HALL,
    TERRACE,
    Ledger,
    a_combination,
    a_floor,
    a_table,
    fits,
    restaurants,
)

BASE = 1000
#: (tables, begin, quarters): seatings, some of which began before the base
SEATINGS = st.lists(
    st.tuples(
        st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True).map(tuple),
        st.integers(BASE - 10, BASE + 30),
        st.integers(1, 12),
    ),
    max_size=12,
)
WANTED = st.lists(
    st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True).map(tuple), max_size=5
)


def seats_for(
    restaurant: RestaurantSpec, party_size: int, *, online: bool = True
) -> tuple[Seats, ...]:
    return candidates(restaurant, party_size, area_id=None, online=online)


def test_the_smallest_table_that_fits_comes_first() -> None:
    restaurant = a_floor([(1, 8), (1, 4), (2, 2), (3, 6)])
    assert seats_for(restaurant, 2) == ((3,), (2,), (1,))
    assert seats_for(restaurant, 3) == ((2,), (4,), (1,))


def test_mistake_4_a_party_gets_no_table_made_for_others() -> None:
    restaurant = a_floor([(4, 10)])
    assert [size for size in range(1, 21) if seats_for(restaurant, size)] == list(range(4, 11))


def test_among_tables_of_one_size_priority_decides() -> None:
    restaurant = a_floor([a_table(1, 1, 2, priority=5), a_table(2, 1, 2, priority=1), (1, 2)])
    assert seats_for(restaurant, 2) == ((3,), (2,), (1,))


def test_tables_are_joined_only_when_no_single_one_is_left() -> None:
    joined = [a_combination(1, (1, 2, 3), 2, 6), a_combination(2, (1, 2), 3, 8)]
    restaurant = a_floor([(1, 2), (1, 2), (1, 2), (2, 9)], joined)
    assert seats_for(restaurant, 2) == ((1,), (2,), (3,), (4,), (1, 2, 3))
    assert seats_for(restaurant, 4) == ((4,), (1, 2), (1, 2, 3))
    assert seats_for(restaurant, 8) == ((4,), (1, 2))


def test_a_combination_needs_all_its_tables_in_the_area() -> None:
    tables = [a_table(1, 1, 2), a_table(2, 1, 2, area_id=TERRACE)]
    restaurant = a_floor(tables, [a_combination(1, (1, 2), 3, 4)])
    assert candidates(restaurant, 4, area_id=None, online=True) == ((1, 2),)
    assert candidates(restaurant, 4, area_id=HALL, online=True) == ()
    assert candidates(restaurant, 2, area_id=TERRACE, online=True) == ((2,),)


def test_in_restaurant_tables_are_left_to_the_staff() -> None:
    tables = [a_table(1, 1, 2), a_table(2, 1, 4, online=False)]
    restaurant = a_floor(tables, [a_combination(1, (1, 2), 3, 4)])
    assert seats_for(restaurant, 4) == ()
    assert seats_for(restaurant, 4, online=False) == ((2,), (1, 2))


def test_a_combination_with_a_table_out_of_use_is_no_offer() -> None:
    restaurant = a_floor([(1, 2)], [a_combination(1, (1, 99), 3, 4)])
    assert seats_for(restaurant, 4) == ()


@given(restaurants(), st.integers(1, 14), st.sampled_from([None, HALL, TERRACE]), st.booleans())
def test_candidates_are_all_that_fit_and_nothing_else(
    restaurant: RestaurantSpec, party_size: int, area: int | None, online: bool
) -> None:
    found = candidates(restaurant, party_size, area_id=area, online=online)
    ask = Ask(party_size, 0, area, online)
    everything: list[Seats] = [(table.id,) for table in restaurant.tables]
    everything += [each.table_ids for each in restaurant.combinations]
    assert set(found) == {seats for seats in everything if fits(restaurant, seats, ask)}
    singles = [restaurant.table_by_id[seats[0]].max_party for seats in found if len(seats) == 1]
    assert singles == sorted(singles)
    lengths = [len(seats) for seats in found]
    assert lengths == sorted(lengths)
    assert candidates(restaurant, party_size, area_id=area, online=online) is found


@given(st.integers(0, 2**40), st.integers(1, 30))
def test_spread_finds_every_start_that_collides(taken: int, held: int) -> None:
    slow = {start for start in range(40) if any(taken >> start + each & 1 for each in range(held))}
    assert set(bits(spread(taken, held) & (1 << 40) - 1)) == slow


@given(st.sets(st.integers(0, 300)))
def test_bits_are_counted_from_below(positions: set[int]) -> None:
    assert list(bits(sum(1 << position for position in positions))) == sorted(positions)


@given(st.integers(BASE - 40, BASE + 40), st.integers(0, 20))
def test_a_mask_leaves_out_what_lies_before_the_base(quarter: int, held: int) -> None:
    seen = {BASE + bit for bit in bits(Floor(BASE, {}).mask(quarter, held))}
    assert seen == {each for each in range(quarter, quarter + held) if each >= BASE}


def _fill(seatings: list[tuple[Seats, int, int]]) -> tuple[Floor, Ledger]:
    """Seat every party whose tables are free, on the floor and in the ledger alike."""
    floor, ledger = Floor(BASE, {}), Ledger()
    for seats, begin, quarters in seatings:
        mask = floor.mask(begin, quarters)
        if begin >= BASE and floor.first_free([seats], mask):
            floor.take(seats, mask)
            ledger.take(seats, begin, quarters)
    return floor, ledger


@given(SEATINGS, WANTED, st.integers(BASE, BASE + 30), st.integers(1, 12))
def test_first_free_is_the_first_whose_tables_nobody_holds(
    seatings: list[tuple[Seats, int, int]], wanted: list[Seats], begin: int, quarters: int
) -> None:
    floor, ledger = _fill(seatings)
    slow = [seats for seats in wanted if ledger.is_free(seats, begin, quarters)]
    assert floor.first_free(wanted, floor.mask(begin, quarters)) == (slow[0] if slow else None)


@given(SEATINGS, WANTED, st.sets(st.integers(0, 30)), st.integers(1, 12))
def test_free_starts_are_those_at_which_somebody_could_sit(
    seatings: list[tuple[Seats, int, int]], wanted: list[Seats], starts: set[int], held: int
) -> None:
    floor, ledger = _fill(seatings)
    asked = sum(1 << start for start in starts)
    slow = {
        start
        for start in starts
        if any(ledger.is_free(seats, BASE + start, held) for seats in wanted)
    }
    assert set(bits(floor.free_starts(wanted, held, asked))) == slow


@given(SEATINGS, st.integers(BASE, BASE + 30), st.integers(1, 12))
def test_released_tables_are_as_before(
    seatings: list[tuple[Seats, int, int]], begin: int, quarters: int
) -> None:
    floor, _ = _fill(seatings)
    mask, before = floor.mask(begin, quarters), dict(floor.taken)
    free = floor.first_free([(1,), (2,), (3,), (4,)], mask)
    if free is not None:
        version = floor.version
        floor.take(free, mask)
        floor.release(free, mask)
        assert floor.version > version
    assert {key: value for key, value in floor.taken.items() if value} == before


def test_mistake_3_a_seating_inside_another_and_one_that_began_before_are_seen() -> None:
    floor = Floor(BASE, {})
    floor.take((1,), floor.mask(BASE - 4, 6))  # still there for two quarters
    floor.take((1,), floor.mask(BASE + 10, 2))  # short, in the middle of the requested time
    assert floor.first_free([(1,)], floor.mask(BASE, 6)) is None
    assert floor.first_free([(1,)], floor.mask(BASE + 1, 1)) is None
    assert floor.first_free([(1,)], floor.mask(BASE + 8, 6)) is None
    assert floor.first_free([(1,)], floor.mask(BASE + 2, 8)) == (1,)
    floor.release((1,), floor.mask(BASE + 10, 2))  # cancelled
    assert floor.first_free([(1,)], floor.mask(BASE + 8, 6)) == (1,)
