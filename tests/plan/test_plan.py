"""The deployment plan's page: cells are backed by existing tests, and gaps are stated."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tests.plan.lines import CLOUDS, DECLARED, LINES, NO_PROOF, NOT_ASKED, NOT_THERE
from tests.plan.page import KEPT, PAGE, cell, exists, merged, page
from tests.services import plan
from tests.services.plan import Record

RECORDS: list[Record] = json.loads(KEPT.read_text(encoding="utf-8"))


def one(**words: str) -> Record:
    test = "tests/plan/test_plan.py::test_the_page_is_made_of_what_is_kept"
    fields = {"line": "canary", "target": "hosts", "how": "seen", "figure": "0 of 9 failed"}
    return fields | {"test": test, "on": "2026-11-27T20:00Z"} | words


def run_of(on: str, *proved: Record) -> dict[str, object]:
    return {"on": on, "proved": [dict(each) for each in proved]}


def test_the_page_is_made_of_what_is_kept() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(RECORDS), "make plan"


def test_every_line_stands_there_for_every_target() -> None:
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if "|" in line]
    table = {row[0]: row[1:] for row in rows}
    for line, promise in LINES.items():
        assert table[line] == [cell(RECORDS, line, target) for target in promise.targets]


def test_every_proof_names_a_test_that_is_there() -> None:
    assert [each["test"] for each in RECORDS if not exists(each["test"])] == []
    assert not exists("tests/plan/test_plan.py::test_that_nobody_wrote")
    assert not exists("tests/plan/__init__.py::test_that_proves_nothing")
    assert not exists("python -m tests.nobody")
    assert exists("python -m tests.drill 1000 20")


def test_a_cell_without_proof_says_so() -> None:
    assert cell([], "canary", "hosts") == NO_PROOF
    assert "**not verified yet**: hosts, compose, kubernetes" in page([])
    assert cell([one()], "canary", "hosts") == "seen"
    weaker = one(how="read", test="tests/plan/test_plan.py::test_a_cell_without_proof_says_so")
    assert cell([weaker, one()], "canary", "hosts") == "seen"
    assert "**seen**: 0 of 9 failed (`tests/plan" in page([one()])


def test_a_cloud_has_what_the_cluster_has_and_only_by_words() -> None:
    assert cell([], "rollback", "aws") == NO_PROOF
    there = one(line="rollback", target="kubernetes", how="rehearsed")
    assert cell([there], "rollback", "aws") == "read"
    assert cell([there], "rollback", "hosts") == NO_PROOF
    assert cell([one(line="logs", target="kubernetes")], "logs", "aws") == NO_PROOF
    for target in CLOUDS:
        text = (ROOT / "docs" / "deploy" / f"{target}.md").read_text(encoding="utf-8")
        assert "(kubernetes.md)" in text
        assert "\n## A second region\n" in text


def test_what_is_declared_is_of_the_plan_and_claims_nothing() -> None:
    for (line, target), (how, why) in DECLARED.items():
        assert not [each for each in RECORDS if (each["line"], each["target"]) == (line, target)]
        assert target in LINES[line].targets
        assert how in ("read", NOT_THERE, NOT_ASKED)
        assert why


@pytest.mark.parametrize(
    "wrong", [{"line": "canaries"}, {"target": "hots"}, {"how": "believed"}, {"target": "github"}]
)
def test_a_word_that_the_plan_does_not_have_is_an_error(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong.values()))):
        plan.prove(**{"line": "canary", "target": "hosts", "how": "seen"} | wrong)


def test_a_new_run_replaces_the_words_of_its_own_tests_alone() -> None:
    other = one(test="tests/plan/test_plan.py::test_a_cell_without_proof_says_so")
    new = one(figure="1 of 9 failed")
    kept = [one(), other]
    (first, second) = merged(kept, [run_of("2026-11-27T21:00Z", new)])
    assert (first, second["figure"]) == (other, "1 of 9 failed")
    # an older run changes nothing
    assert merged(kept, [run_of("2026-11-27T19:00Z", new)]) == merged(kept, [])
    gone = one(test="tests/plan/test_gone.py::test_gone")
    assert merged([gone], [run_of("2026-11-27T21:00Z", gone)]) == []


RECORDING = """
from pathlib import Path
from tests.services import plan

def pytest_configure(config):
    config.pluginmanager.register(plan.Recorder(Path(__file__).parent / "plan"))
"""
PROVING = """
import pytest
from tests.services import plan

def show():
    plan.prove(line="canary", target="hosts", how="seen", figure="0 failed")

@pytest.fixture
def breaks_at_the_end():
    yield
    raise AssertionError

def test_passes():
    show()

def test_fails():
    show()
    raise AssertionError

def test_ends_badly(breaks_at_the_end):
    show()

def test_proves_nothing():
    pass
"""


def test_what_a_test_says_counts_when_it_has_passed_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "test_shown.py").write_text(PROVING)
    (tmp_path / "conftest.py").write_text(RECORDING)
    argv = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [*argv, str(tmp_path)], env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True
    )
    assert done.returncode == 1, done.stdout
    (file,) = (tmp_path / "plan").glob("*.json")
    written = json.loads(file.read_text())
    assert [each["test"].partition("::")[2] for each in written["proved"]] == ["test_passes"]


def test_a_program_says_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "FOLDER", tmp_path)
    program = "python -m tests.drill 1000 20"
    for line in ("recovery-point", "recovery-time"):
        plan.prove(line=line, target="hosts", how="seen", figure="9 s", by=program)
    (file,) = tmp_path.glob("*.json")
    first, second = merged([], [json.loads(file.read_text())])
    assert (first["line"], second["line"]) == ("recovery-point", "recovery-time")
    assert {first["test"], second["test"]} == {program}
