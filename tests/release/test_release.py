"""Versions come and go while guests ask: no request fails, none is lost, none is answered twice."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from models.core import clock
from models.core.db import reading
from models.entities import Message, Reservation
from models.queries.integrity import findings
from tests.architecture.tree import ROOT
from tests.release.crowd import Crowd
from tests.release.house import Machine, machine
from tests.services.mariadb import MariaDB
from tests.services.process import wait_until

pytestmark = [pytest.mark.mariadb, pytest.mark.timeout(400)]

#: The application with a fault; the versions of the tests serve it in place of web.wsgi.
FAULTY = """
import time
from flask import request
from web.wsgi import app

def fault():
    if request.path.startswith("/api/v1/restaurants/released"):
        FAULT

app.before_request(fault)
"""
FAILS = "raise RuntimeError('broken')"
SLOW = "time.sleep(0.7)"


@pytest.fixture(scope="module")
def place(mariadb: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The machine, with a first version in place."""
    with machine(tmp_path_factory.mktemp("m"), mariadb) as made:
        first = made.maitred("release", made.version("first"))
        assert first.returncode == 0, first.stdout + first.stderr
        yield made


def in_order(place: Machine, crowd: Crowd) -> None:
    """All that was acknowledged is there, decided and told, and nothing else happened."""

    def waits() -> int:
        with reading(place.engine) as session:
            asked = select(func.count()).where(Reservation.status == "requested")
            due = select(func.count()).where(Message.state != "sent", Message.kind != "reminder")
            return (session.scalar(asked) or 0) + (session.scalar(due) or 0)

    wait_until(lambda: not waits(), seconds=60, what="all decided and told")
    with reading(place.engine) as session:
        there = set(session.scalars(select(Reservation.id)))
        assert set(crowd.accepted) <= there
    assert len(set(crowd.accepted)) == len(crowd.accepted)
    with reading(place.engine) as session:
        assert findings(session, now=clock.now(), grace_seconds=0) == []
    told = [mail.message["Message-ID"] for mail in place.mailbox.mails()]
    assert len(told) == len(set(told))


def live(place: Machine) -> str:
    """The line of the live version in the list of releases."""
    lines = place.maitred("releases").stdout.splitlines()
    (line,) = [line for line in lines if line.strip().startswith("live")]
    return " ".join(line.split())


def test_versions_come_and_go_and_no_request_fails(place: Machine) -> None:
    second, third = place.version("second"), place.version("third")
    with Crowd(place) as crowd:
        # killed in the middle, refused beside another, and gone on with
        begun = place.begin("release", second, "--strategy", "canary")
        assert begun.stdout is not None
        for line in begun.stdout:
            if "5% of the callers" in line:
                break
        assert "another release is under way" in place.maitred("release", third).stderr
        begun.kill()
        begun.communicate()
        assert "was interrupted" in place.maitred("release", third).stderr
        went_on = place.maitred("release", second)
        assert went_on.returncode == 0, went_on.stdout + went_on.stderr
        assert "Going on with release" in went_on.stdout
        assert "starts the new version" not in went_on.stdout
        assert str(second) in live(place)
        done = place.maitred("release", third, "--strategy", "rolling")
        assert done.returncode == 0, done.stdout + done.stderr
        back = place.maitred("rollback")
        assert back.returncode == 0, back.stdout + back.stderr
        assert str(second) in live(place)
    print(place.maitred("releases").stdout, crowd.outcomes)
    print(went_on.stdout, done.stdout, back.stdout)
    assert crowd.failed == {}
    assert crowd.outcomes["202"] > 100
    in_order(place, crowd)


@pytest.mark.parametrize(
    ("fault", "strategy", "why"),
    [
        ("fails to start", "blue-green", r"start: web fell 2 times"),
        ("bad migration", "blue-green", r"migrate: .*no_such_table"),
        ("workers crash", "rolling", r"start: allocation fell 2 times"),
        ("fails", "canary", r"turn: at (5|25)% of the callers: errors"),
        ("slow", "canary", r"turn: at \d+% of the callers: slow"),
    ],
)
def test_a_broken_version_is_taken_back_and_says_why(
    place: Machine, fault: str, strategy: str, why: str
) -> None:
    before = live(place)
    with Crowd(place, callers=40, rate=1) as crowd:
        done = place.maitred("release", broken(place, fault), "--strategy", strategy)
    assert done.returncode == 1, done.stdout
    assert re.search(why, done.stderr), done.stdout + done.stderr
    assert "rolled back after" in done.stdout
    assert live(place) == before
    assert set(crowd.failed) <= ({"500"} if fault == "fails" else set())
    # the canary's share, and no more
    assert crowd.outcomes["500"] <= 0.3 * sum(crowd.outcomes.values())
    in_order(place, crowd)


def broken(place: Machine, fault: str) -> Path:
    """A version with that fault."""
    name = fault.replace(" ", "-")
    if fault == "fails to start":
        return place.version(name, web="false")
    if fault == "workers crash":
        return place.version(name, allocation="sh -c 'sleep 1; exit 3'")
    if fault == "bad migration":
        folder = place.version(name, copied=("models",))
        steps = sorted((folder / "models/migrations/versions").glob("0*.py"))
        (steps[-1].with_name("9999_bad.py")).write_text(BAD_STEP.replace("HEAD", head_of(steps)))
        return folder
    command = re.search(r"^web: (.*)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    assert command
    folder = place.version(name, web=command[1].replace("web.wsgi:app", "faulty:app"))
    (folder / "faulty.py").write_text(FAULTY.replace("FAULT", FAILS if fault == "fails" else SLOW))
    return folder


BAD_STEP = """
from alembic import op

revision, down_revision = "9999", "HEAD"
branch_labels = depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE no_such_table ADD COLUMN x INTEGER")
"""


def head_of(steps: list[Path]) -> str:
    """The revision of the newest step."""
    found = re.search(r'^revision = "(\w+)"', steps[-1].read_text(), re.MULTILINE)
    assert found
    return found[1]
