"""Releases while guests make requests: none fails, none is lost, none is answered twice."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tests.release.crowd import Crowd, in_order
from tests.release.restaurant import Machine, machine
from tests.services import plan
from tests.services.servers.mariadb import MariaDB

pytestmark = [pytest.mark.slow, pytest.mark.mariadb, pytest.mark.timeout(900)]

#: The application with a fault; the tests' broken versions serve it instead of web.wsgi.
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
SLOW = "time.sleep(1.5)"


@pytest.fixture(scope="module")
def place(mariadb: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The machine, with a first version deployed."""
    with machine(tmp_path_factory.mktemp("m"), mariadb) as made:
        first = made.maitred("release", "start", made.version("first"))
        assert first.returncode == 0, first.stdout + first.stderr
        yield made


def live(place: Machine) -> str:
    """Return the line of the live version in the list of releases."""
    lines = place.maitred("release", "list").stdout.splitlines()
    (line,) = [line for line in lines if line.strip().startswith("live")]
    return " ".join(line.split())


def test_versions_come_and_go_and_no_request_fails(place: Machine) -> None:
    second, third = place.version("second"), place.version("third", copied=("models",))
    add_step(third, GOOD_STEP)
    with Crowd(place) as crowd:
        # another release is refused meanwhile; this one is killed and resumed
        begun = place.begin("release", "start", second, "--strategy", "canary")
        assert begun.stdout is not None
        assert "preflight checks" in begun.stdout.readline()
        assert "another release is under way" in place.maitred("release", "start", third).stderr
        while "5% of the traffic" not in begun.stdout.readline():
            pass
        begun.kill()
        begun.communicate()
        assert "was interrupted" in place.maitred("release", "start", third).stderr
        went_on = place.maitred("release", "start", second)
        assert went_on.returncode == 0, went_on.stdout + went_on.stderr
        assert "Resuming release" in went_on.stdout
        assert "start the new version" not in went_on.stdout
        assert str(second) in live(place)
        done = place.maitred("release", "start", third, "--strategy", "rolling")
        assert done.returncode == 0, done.stdout + done.stderr
        back = place.maitred("release", "rollback")
        assert back.returncode == 0, back.stdout + back.stderr
        assert str(second) in live(place)
        again = place.maitred("release", "start", third, "--strategy", "blue-green")
        assert again.returncode == 0, again.stdout + again.stderr
        assert str(third) in live(place)
        back = place.maitred("release", "rollback")
        assert back.returncode == 0, back.stdout + back.stderr
        # the schema stays, and the previous version works with it
        assert "9998: a later release's" in place.maitred("migrate").stdout
    print(place.maitred("release", "list").stdout, crowd.outcomes)
    print(went_on.stdout, done.stdout, back.stdout)
    assert crowd.failed == {}, (crowd.faults, crowd.refusals, crowd.stalls)
    for heard in crowd.heard:  # each revision once, and many of them
        assert heard == sorted(set(heard))
        assert len(heard) > 5
    assert crowd.outcomes["202"] > 100
    in_order(place)
    asked = f"{sum(crowd.outcomes.values()):,} requests, 0 failed"
    for line in ("canary", "rolling", "blue-green", "upgrade", "rollback"):
        plan.prove(line=line, target="hosts", how="seen", figure=asked)


@pytest.mark.parametrize(
    ("fault", "strategy", "why"),
    [
        ("fails to start", "blue-green", r"start: web exited 2 times"),
        ("bad migration", "blue-green", r"migrate: .*no_such_table"),
        ("workers crash", "rolling", r"start: allocation exited 2 times"),
        ("fails", "canary", r"switch: with (5|25)% of the traffic: errors"),
        ("slow", "canary", r"switch: with \d+% of the traffic: slow"),
    ],
)
def test_a_broken_version_is_taken_back_and_says_why(
    place: Machine, fault: str, strategy: str, why: str
) -> None:
    before = live(place)
    # a canary needs enough answers for a verdict
    with Crowd(place, callers=40 if strategy == "canary" else 10, rate=1) as crowd:
        done = place.maitred("release", "start", broken(place, fault), "--strategy", strategy)
    assert done.returncode == 1, done.stdout
    assert re.search(why, done.stderr), done.stdout + done.stderr
    assert "rolled back after" in done.stdout
    assert live(place) == before
    allowed = {"500"} if fault == "fails" else set()
    assert set(crowd.failed) <= allowed, (crowd.faults, crowd.refusals, crowd.stalls)
    # at most the canary's share
    assert crowd.outcomes["500"] <= 0.3 * sum(crowd.outcomes.values())
    in_order(place)
    plan.prove(
        line="rollback", target="hosts", how="seen", figure=f"{fault}, {strategy}: by itself"
    )


def broken(place: Machine, fault: str) -> Path:
    """Create a version with that fault."""
    name = fault.replace(" ", "-")
    if fault == "fails to start":
        return place.version(name, web="false")
    if fault == "workers crash":
        return place.version(name, allocation="sh -c 'sleep 1; exit 3'")
    if fault == "bad migration":
        folder = place.version(name, copied=("models",))
        add_step(folder, GOOD_STEP)
        add_step(folder, BAD_STEP)
        return folder
    command = re.search(r"^web: (.*)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    assert command
    folder = place.version(name, web=command[1].replace("web.wsgi:app", "faulty:app"))
    (folder / "faulty.py").write_text(FAULTY.replace("FAULT", FAILS if fault == "fails" else SLOW))
    return folder


_STEP = """
from alembic import op

revision, down_revision = "{own}", "{before}"
branch_labels = depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE {table} ADD COLUMN mood INTEGER")
"""
#: A migration that the previous version does not know, and is compatible with.
GOOD_STEP = ("9998", "reservations")
BAD_STEP = ("9999", "no_such_table")


def add_step(folder: Path, step: tuple[str, str]) -> None:
    """Append one migration to that version."""
    own, table = step
    steps = sorted((folder / "models/migrations/versions").glob("[0-9]*.py"))
    found = re.search(
        r'^revision(?:, down_revision)? = "(\w+)"', steps[-1].read_text(), re.MULTILINE
    )
    assert found
    new = _STEP.format(own=own, before=found[1], table=table)
    steps[-1].with_name(f"{own}_mood.py").write_text(new)
