"""Passwords that are easily guessed are refused; any mixture of characters is accepted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.passwords import PASSWORD_MAX, PASSWORD_MIN, weakness

ABOUT = ("anna.kowalska@lamaree.example", "Anna Kowalska", "la-maree", "La Marée")


@pytest.mark.parametrize(
    "password",
    [
        "password123",
        "qwertyuiop",
        "1234567890",
        "iloveyou1234",
        "aaaaaaaaaaaa",
        "abcdefghijkl",
        "P@ssw0rd1!",
        "maitredmaitred",
        "lamaree2026",
        "kowalska1990",
        "annakowalska",
    ],
)
def test_what_is_soon_guessed_is_refused(password: str) -> None:
    assert "guessed" in weakness(password, about=ABOUT)


@pytest.mark.parametrize(
    "password",
    [
        "violet tram under the bridge",
        "größere Fässer im Keller",
        "猫が三匹とベルリンの市場",
        "xK4#mmp2-Wq",
        " leading and trailing ",
        "z" * 3 + "Rahmschnitzel, 14 Euro" * 8,
    ],
)
def test_any_mixture_of_characters_is_taken(password: str) -> None:
    assert weakness(password, about=ABOUT) == ""


def test_the_length_has_two_ends() -> None:
    good = "Wq4#x-Lm9_" * 20
    assert weakness(good[:PASSWORD_MIN]) == ""
    assert weakness(good[:PASSWORD_MAX]) == ""
    for wrong in (good[: PASSWORD_MIN - 1], good + "x", ""):
        assert weakness(wrong) == "must have 10 to 200 characters"


@given(st.text(max_size=210), st.lists(st.text(max_size=30), max_size=3))
def test_it_always_ends_with_an_answer(password: str, about: list[str]) -> None:
    assert isinstance(weakness(password, about=about), str)
