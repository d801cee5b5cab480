"""The restaurant as a value: ids of books, and lookups by key or id."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.restaurant.restaurant import TableSpec, book_id, split_book_id
from tests.rules.restaurants import a_restaurant, a_shift

DATES = st.dates(date(1970, 1, 1), date(2243, 10, 16))
SHIFTS = st.integers(1, 2**31)


@given(SHIFTS, DATES)
def test_a_books_number_tells_its_shift_and_date(shift_id: int, day: date) -> None:
    assert split_book_id(book_id(shift_id, day)) == (shift_id, day)


@given(SHIFTS, DATES)
def test_a_books_number_fits_the_databases_bigint(shift_id: int, day: date) -> None:
    assert 0 < book_id(shift_id, day) < 2**63


def test_a_restaurant_finds_its_parts() -> None:
    shift, table = a_shift(), TableSpec(7, "T7", 1, 2, 4)
    restaurant = replace(a_restaurant(shift), tables=(table,))
    assert restaurant.shift_by_id == {shift.id: shift}
    assert restaurant.area_by_key["room"] is restaurant.area_by_id[1]
    assert restaurant.table_by_id == {7: table}
    assert restaurant.tz.key == "Europe/Berlin"


def test_a_restaurant_is_never_changed() -> None:
    restaurant = a_restaurant()
    with pytest.raises(AttributeError):
        restaurant.revision = 2  # type: ignore[misc]
