"""`maitred demo` at the stand: an evening by the verbs of the API, told in plain words."""

from collections.abc import Iterator

import pytest

from deploy.demo.demo import play_stand
from tests.services.running import surroundings
from tests.services.running.stack import Stack


@pytest.fixture
def installation(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The running installation; this process has its settings."""
    surroundings.settle(monkeypatch, stack.env)
    yield stack
    surroundings.forget_everything()


@pytest.mark.both
def test_an_evening_at_the_stand_goes_as_it_should(
    installation: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    for _time in ("first", "again"):
        is_well = play_stand(url=installation.url)
        said = capsys.readouterr().out
        assert is_well, said
        for words in ("walk in and sit at", "did not come: a no-show", "of Brandt are here",
                      "is late, and comes by", "A leg of table", "should have left",
                      "join at the door", "is ready for the first",
                      "Closed:", "No findings"):  # fmt: skip
            assert words in said, said
    assert installation.findings() == []
