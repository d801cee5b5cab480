"""Evidence for the deployment plan: `plan.prove(...)`, written when the test has passed."""

import json
import os
import re
import time
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tests.plan.lines import check

#: Each session writes its evidence here; `python -m tests.plan` reads it.
FOLDER = ROOT / "build" / "plan"
Record = dict[str, str]
#: The name of a group of tests that run in one process, which xdist appends to a test's id.
_GROUP = re.compile(r"@(stack-\w+|tests/\S+\.py)$")
_proved: list[Record] = []
_by_program: list[Record] = []


def prove(*, line: str, target: str, how: str, figure: str = "", by: str = "") -> None:
    """Record that this test has shown that line of the plan for that target.

    `how` is one of tests.plan.lines.HOW; `figure` is the measured value, in a few words. The record
    counts when the test has passed to its end. A program that is no test gives its command in `by`.
    """
    check(line, target, how)
    test = by or _GROUP.sub("", os.environ["PYTEST_CURRENT_TEST"].rpartition(" (")[0])
    record = {"line": line, "target": target, "how": how, "figure": figure, "test": test}
    if by:
        _by_program.append(record)
        write(FOLDER, _by_program, f"{os.getpid()}-program")
    else:
        _proved.append(record)


def where(backend: str) -> str:
    """The target of such a database: a file is embedded, a server has hosts."""
    return "embedded" if backend == "sqlite" else "hosts"


def write(folder: Path, records: list[Record], name: str) -> None:
    """Write a file of one session: its time and its records."""
    folder.mkdir(parents=True, exist_ok=True)
    run = {"on": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}", "proved": records}
    path = folder / f"{name}.json"
    path.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")


class Recorder:
    """A pytest plugin that collects the records of this process's tests."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self.failed: set[str] = set()
        self.records: list[Record] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """A record counts when the test and its teardown have passed."""
        report = yield
        if report.failed:
            self.failed.add(item.nodeid)
        if report.when == "teardown":
            if item.nodeid not in self.failed:
                self.records += _proved
            _proved.clear()
        return report

    def pytest_sessionfinish(self) -> None:
        if self.records:
            write(self.folder, self.records, f"{os.getpid()}-{time.time_ns()}")
