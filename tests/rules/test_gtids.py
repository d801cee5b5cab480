"""Transactions that a server has and another never had, by global transaction id."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.gtids import has_reached, lacking, parse_position

positions = st.dictionaries(
    st.tuples(st.integers(0, 2), st.integers(1, 3)), st.integers(1, 50), max_size=5
)


def written(position: dict[tuple[int, int], int]) -> str:
    return ",".join(f"{domain}-{server}-{last}" for (domain, server), last in position.items())


@given(positions)
def test_a_position_is_read_as_it_is_written(position: dict[tuple[int, int], int]) -> None:
    assert parse_position(written(position)) == position


@pytest.mark.parametrize("text", ["0-1", "a-b-c", "0-1-2-3"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_position(text)


@pytest.mark.parametrize(
    ("at", "wanted", "is_there"),
    [
        ("", "", True),
        ("0-1-5", "", True),
        ("", "0-1-5", False),
        ("0-1-5", "0-1-5", True),
        ("0-2-6", "0-1-5", True),
        ("0-1-4", "0-1-5", False),
        ("0-1-5", "0-1-5,1-1-1", False),
        ("0-1-5,1-3-2", "0-1-5,1-1-1", True),
    ],
)
def test_a_position_is_reached_in_every_domain(at: str, wanted: str, is_there: bool) -> None:
    assert has_reached(parse_position(at), parse_position(wanted)) is is_there


@pytest.mark.parametrize(
    ("held", "by", "replicated", "names"),
    [
        # the other replicated all of it
        ("0-1-500", "0-1-500", "0-1-500", []),
        # it replicated less, and continued as server 2
        ("0-1-500", "0-1-495,0-2-498", "0-1-495", ["0-1-496 to 0-1-500"]),
        ("0-1-500", "0-1-499,0-2-500", "0-1-499", ["0-1-500"]),
        # it was made of a copy: its own log begins after that
        ("0-1-500", "0-2-501", "0-1-500", []),
        ("0-1-500", "", "0-1-400", ["0-1-401 to 0-1-500"]),
        # its position for a server takes precedence over its position in the domain
        ("0-1-500", "0-1-495,0-3-600", "0-3-600", ["0-1-496 to 0-1-500"]),
        ("0-1-5,1-1-3", "0-1-5", "", ["1-1-1 to 1-1-3"]),
    ],
)
def test_what_the_other_never_had_is_named(
    held: str, by: str, replicated: str, names: list[str]
) -> None:
    found = lacking(
        parse_position(held), by=parse_position(by), replicated=parse_position(replicated)
    )
    assert [str(missing) for missing in found] == names
    assert all(missing.count == missing.last - missing.first + 1 for missing in found)


@given(positions, positions)
def test_nothing_is_lacking_of_ones_own(
    held: dict[tuple[int, int], int], replicated: dict[tuple[int, int], int]
) -> None:
    assert lacking(held, by=held, replicated=replicated) == ()
