"""`maitred flags`: the operators' feature flags."""

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from deploy.cli.main import main
from tests.operations.evenings import a_stand


def run(*args: str, ends: int = 0) -> str:
    result = CliRunner().invoke(main, ["flags", *args])
    assert result.exit_code == ends, result.output
    return result.output


@pytest.mark.both
def test_flags_are_set_listed_killed_and_taken_back(db: Engine) -> None:
    slug = a_stand(db).restaurant.slug
    assert "on for 25% everywhere" in run("set", "sms", "--percent", "25")
    run("kill", "waitlist-offers", "--restaurant", slug)
    listed = run("list")
    assert "25%" in listed and "nobody (killed)" in listed and slug in listed
    assert "cleared everywhere" in run("clear", "sms")
    assert "was not set everywhere" in run("clear", "sms")
    told = run("history").splitlines()
    assert [("cleared" in line, "killed" in line, "25%" in line) for line in told[1:]] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]


def test_what_is_wrong_is_named(db: Engine) -> None:
    assert "waitlist-offers" in run("set", "no-such-flag", ends=2)
    assert "101" in run("set", "sms", "--percent", "101", ends=2)
    run("kill", "sms", "--restaurant", "nowhere", ends=1)
    assert "killed" not in run("history")
