"""Names in a search: accents, spellings, beginnings; every beginning is found by the index."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.guest_book import SoughtGuest, ends_with, is_too_short, read_search
from models.rules.guest_names import LONGEST, beginnings, matches, sought

NAMES = (
    ("Jörg Müller", "mül", True),
    ("Jörg Müller", "MUELLER", True),
    ("Jörg Müller", "muller jorg", True),
    ("Joerg Mueller", "müller", True),
    ("Søren Ødegård", "odegard", True),
    ("Søren Ødegård", "oede", True),
    ("Łukasz Wałęsa", "walesa", True),
    ("Conan O'Brien", "obrien", True),
    ("Conan O\u2019Brien", "o'br", True),
    ("Anna-Lena Weiß", "lena weiss", True),
    ("Bo Li", "li", True),
    ("Linda Bo", "li", False),  # too short to be a beginning
    ("Noël Noe", "noe", True),
    ("王小明", "王", True),
    ("김민수", "김", True),
    ("Anna Schmidt", "anna weber", False),
    ("Anna Schmidt", "nna", False),
)


def is_found(name: str, text: str) -> bool:
    """As the index finds it: every word of the search is one of the beginnings."""
    indexed = beginnings(name)
    return all(word & indexed for word in sought(text))


@pytest.mark.parametrize(("name", "text", "expected"), NAMES)
def test_a_name_is_found_as_a_host_types_it(name: str, text: str, expected: bool) -> None:
    assert is_found(name, text) is expected
    assert matches(text, [name]) is expected


@given(st.text(min_size=1, max_size=40), st.integers(3, 40))
def test_whatever_matches_is_found_by_the_index(name: str, length: int) -> None:
    text = name[:length]
    if matches(text, [name]):
        assert is_found(name, text)


def test_a_long_word_is_looked_up_by_its_beginning_and_compared_whole() -> None:
    assert is_found("Bartholomew", "bartholomaeus")
    assert not matches("bartholomaeus", ["Bartholomew"])
    assert max(map(len, beginnings("Bartholomew"))) == LONGEST


SEARCHES = (
    ("ada@example.com", SoughtGuest(email="ada@example.com")),
    (" 0456 ", SoughtGuest(digits="0456")),
    ("+49 (30) 12-34.56", SoughtGuest(digits="4930123456")),
    ("456", SoughtGuest()),
    ("ada lo", SoughtGuest(name="ada lo")),
    ("...", SoughtGuest()),
    ("\u2603", SoughtGuest()),
)


@pytest.mark.parametrize(("text", "expected"), SEARCHES)
def test_a_search_is_read_as_it_looks(text: str, expected: SoughtGuest) -> None:
    assert read_search(text) == expected


def test_a_number_is_found_by_its_end_and_as_it_is_dialled_at_home() -> None:
    for digits in ("3456", "123456", "030123456", "4930123456", "004930123456"):
        assert ends_with("+4930123456", digits), digits
    assert not ends_with("+4930123456", "99123456")


@pytest.mark.parametrize(
    ("text", "too_short"),
    [("mu", True), ("mü", False), ("a b", True), ("030", True), ("?", True), ("mül", False),
     ("mü anna", False), ("0301", False), ("王", False), ("a@b.example", False)],
)  # fmt: skip
def test_a_search_is_too_short_for_a_beginning(text: str, too_short: bool) -> None:
    assert is_too_short(text) is too_short
