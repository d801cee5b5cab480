"""Names: joiners inside words stay; a name has visible characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.core.names import is_visible, printed, tidy_name
from web.schemas.fields import person_name

PERSIAN = "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"
SINHALA = "\u0dc1\u0dca\u200d\u0dbb\u0dd3"
COOK = "\U0001f469\u200d\U0001f373"


@pytest.mark.parametrize("name", [PERSIAN, SINHALA, COOK, f"{PERSIAN} Z\u00f6e"])
def test_a_joiner_inside_a_word_stays(name: str) -> None:
    assert person_name(name) == tidy_name(name) == printed(name) == name


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("\u200dAda\u200c", "Ada"),
        ("Ada \u200d Lovelace", "Ada  Lovelace"),
        ("A\u00adda", "Ada"),
        ("\u200bAda\u200b", "Ada"),
    ],
)
def test_what_joins_nothing_is_left_out(typed: str, kept: str) -> None:
    assert person_name(typed) == kept


@pytest.mark.parametrize(
    "blank",
    ["\u200b", "\u2800", "\u3164", "\u00ad", "\uffa0", "\u115f\u1160", "\u200d", "\u2800 \u3164"],
)
def test_a_name_that_shows_nothing_is_refused(blank: str) -> None:
    with pytest.raises(ValueError, match="must"):
        person_name(blank)
    assert not is_visible(blank)


def test_a_short_name_is_a_name() -> None:
    for name in ("A", "\u738b", "\u0e01", "7", "\U0001f98a"):
        assert person_name(name) == name


@given(st.text(max_size=30))
def test_tidying_twice_is_once(text: str) -> None:
    assert tidy_name(tidy_name(text)) == tidy_name(text)


@given(st.text(max_size=30))
def test_what_is_printed_is_one_line(text: str) -> None:
    line = printed(text)
    assert printed(line) == line
    assert all(c.isprintable() or c in "\u200c\u200d" for c in line)
