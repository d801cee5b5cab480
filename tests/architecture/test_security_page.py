"""docs/security.md: each requirement is listed once, and its evidence exists."""

import re
from collections import Counter

from tests.architecture.tree import ROOT

PAGE = ROOT / "docs" / "security.md"
LINE = re.compile(r"^\| (\d+(?:\.\d+){0,2}[^|]*) \| ([12]) \| ([^|]+) \| ([^|]+) \|$")
FILE = re.compile(r"`((?:tests|web|models|tasks|deploy)/[\w./-]+)`")


def lines() -> list[tuple[str, str, str]]:
    """Number, level and evidence of each line."""
    table = PAGE.read_text(encoding="utf-8").partition("## OWASP ASVS")[2].partition("## Audit")[0]
    rows = [row for row in table.splitlines() if row.startswith("| ")][1:]
    found = [LINE.match(row) for row in rows]
    assert all(found), [row for row, each in zip(rows, found, strict=True) if not each]
    return [(each[1], each[2], each[4]) for each in found if each]


def test_each_requirement_stands_there_once_and_in_order() -> None:
    numbers = [number for number, _, _ in lines()]
    assert not [number for number, times in Counter(numbers).items() if times > 1]
    order = [tuple(map(int, re.split(r"[ ,]", number)[0].split("."))) for number in numbers]
    assert order == sorted(order)
    # level 1 has 70: the five of chapter 10 are one line, and chapter 17 has none
    assert sum(level == "1" for _, level, _ in lines()) == 70 - 5 + 2


def test_each_says_what_holds_it_and_that_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    missing = [path for path in FILE.findall(text) if not (ROOT / path).exists()]
    assert not missing
    assert not [number for number, _, held in lines() if len(held.strip()) < 4]
