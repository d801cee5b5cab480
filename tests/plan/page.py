"""The page of the deployment plan, generated from the records of the tests."""

import re
from collections.abc import Iterable
from typing import Final

from tests.architecture.tree import ROOT
from tests.plan.lines import (
    CLOUDS,
    DECLARED,
    HOW,
    LINES,
    MACHINES,
    NO_PROOF,
    NOT_ASKED,
    NOT_THERE,
    OF_THE_CLUSTER,
    PIPELINES,
    TARGETS,
)
from tests.services.plan import Record

PAGE: Final = ROOT / "docs" / "deployment-plan.md"
KEPT: Final = ROOT / "docs" / "deployment-plan.json"

_HEAD: Final = """\
<!-- Made by `make plan` of docs/deployment-plan.json: the words of tests/services/plan.py -->
# The deployment plan, line by line

The promises for each target where Maitred runs, and how each was verified there. The tables are
generated: a test that has verified a line records it with its measurements, and `make plan` writes
this page. A run of some of the tests replaces their earlier records, and leaves the rest.

"""
_NOTHING: Final = {
    NO_PROOF: "no test has verified it yet",
    NOT_THERE: "the target does not have it",
    NOT_ASKED: "not required of that target",
}


def page(records: Iterable[Record]) -> str:
    kept = list(records)
    ways = "\n".join(f"- **{how}**: {says}" for how, says in (HOW | _NOTHING).items())
    tables = [
        f"## {title}\n\n{_table(kept, tuple(targets))}\n\n{_named(targets)}"
        for title, targets in (("Where it runs", MACHINES), ("Pipelines", PIPELINES))
    ]
    details = [f"### {line}: {LINES[line].says}\n\n{_details(kept, line)}" for line in LINES]
    parts = [_HEAD + ways, *tables, "## Evidence", *details]
    return "\n\n".join(parts) + "\n"


def _named(targets: dict[str, str]) -> str:
    return "; ".join(f"*{target}*: {says}" for target, says in targets.items()) + "."


def cell(records: Iterable[Record], line: str, target: str) -> str:
    """Return a cell: the strongest way in which the line was verified there, or that it was not."""
    kept = list(records)
    found = {each["how"] for each in _of(kept, line, target)}
    return next((how for how in HOW if how in found), _unproved(kept, line, target)[0])


def _unproved(records: list[Record], line: str, target: str) -> tuple[str, str]:
    """Return the text of a cell without a test, and the reason."""
    known = _of(records, line, "kubernetes") or (line, "kubernetes") in DECLARED
    if target in CLOUDS and line in OF_THE_CLUSTER and known:
        return "read", f"as on any Kubernetes cluster; what is the cloud's: docs/deploy/{target}.md"
    return DECLARED.get((line, target), (NO_PROOF, ""))


def _of(records: Iterable[Record], line: str, target: str) -> list[Record]:
    order = list(HOW)
    found = [each for each in records if (each["line"], each["target"]) == (line, target)]
    return sorted(found, key=lambda each: (order.index(each["how"]), each["test"]))


def _table(records: list[Record], targets: tuple[str, ...]) -> str:
    rows = [
        "| " + " | ".join([line, *(cell(records, line, target) for target in targets)]) + " |"
        for line, promise in LINES.items()
        if promise.targets == targets
    ]
    head = [f"| | {' | '.join(targets)} |", "| --- |" + " --- |" * len(targets)]
    return "\n".join(head + rows)


def _details(records: list[Record], line: str) -> str:
    lines, silent = [], []
    for target in LINES[line].targets:
        found = _of(records, line, target)
        lines += [f"- {target}: {said}" for said in _said(found)]
        how, why = _unproved(records, line, target)
        if not found and how == NO_PROOF:
            silent.append(target)
        elif not found:
            lines.append(f"- {target}: {'' if how == NOT_ASKED else f'**{how}**: '}{why}")
    if silent:
        lines.append(f"- **{NO_PROOF}**: {', '.join(silent)}")
    return "\n".join(lines)


def _said(records: list[Record]) -> list[str]:
    """Return a line for each test, with all its measurements."""
    by_test: dict[tuple[str, str], list[Record]] = {}
    for each in records:
        by_test.setdefault((each["how"], each["test"].partition("[")[0]), []).append(each)
    lines = []
    for (how, test), found in by_test.items():
        figures = "; ".join(dict.fromkeys(each["figure"] for each in found if each["figure"]))
        on = max(each["on"] for each in found).partition("T")[0]
        lines.append(f"**{how}**: {figures}{' ' * bool(figures)}(`{test}`, {on})")
    return lines


def exists(test: str) -> bool:
    """Return whether the test exists and calls `prove`, or the command's module exists."""
    if test.startswith("python -m "):
        module = test.split()[2].replace(".", "/")
        return any((ROOT / f"{module}{end}").is_file() for end in (".py", "/__main__.py"))
    path, _, name = test.partition("[")[0].partition("::")
    if not (ROOT / path).is_file():
        return False
    text = (ROOT / path).read_text(encoding="utf-8")
    is_there = re.search(rf"^def {re.escape(name)}\(", text, re.MULTILINE)
    return bool(is_there) and "prove(" in text


def merged(kept: Iterable[Record], runs: Iterable[dict[str, object]]) -> list[Record]:
    """Return the stored records, each test's replaced by those of its newest passing run.

    A failing test removes nothing: the suite fails then, and the page shows the date of its record.
    """
    records = [each for each in kept if exists(each["test"])]
    for run in sorted(runs, key=lambda each: str(each["on"])):
        on, proved = str(run["on"]), run["proved"]
        assert isinstance(proved, list)
        new = [
            each | {"on": on}
            for each in proved
            if exists(each["test"]) and not _is_newer(records, each["test"], on)
        ]
        replaced = {each["test"] for each in new}
        records = [each for each in records if each["test"] not in replaced] + new
    order = list(LINES), list(TARGETS)
    return sorted(
        records,
        key=lambda each: (
            order[0].index(each["line"]),
            order[1].index(each["target"]),
            each["test"],
            each["figure"],
        ),
    )


def _is_newer(records: list[Record], test: str, on: str) -> bool:
    return any(each["test"] == test and each["on"] > on for each in records)
