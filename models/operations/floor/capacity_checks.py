"""Checks of what a file says its capacity is: tables, or covers in the restaurant."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from models.operations.floor.parts import Problem

COVERS: Final = "covers"
_ONLY_TABLES: Final = ("tables", "combinations", "features")
#: keys of parts that say something about the tables of an area
_OF_TABLES: Final = (("areas", "turn_times"), ("approval", "area"))
_NO_TABLES: Final = 'cannot be combined with capacity = "covers": there are no tables'


def check_capacity(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Check that the parsed file has the keys of its capacity, and none of the other."""
    if document.get("capacity") == COVERS:
        yield from _covers(document)
    else:
        yield from _tables(document)


def _covers(document: Mapping[str, Any]) -> Iterator[Problem]:
    if COVERS not in document:
        yield (COVERS,), "is missing"
    for section in _ONLY_TABLES:
        if section in document:
            yield (section,), _NO_TABLES
    for section, key in _OF_TABLES:
        yield from ((path, _NO_TABLES) for path in _with_key(document, section, key))


def _tables(document: Mapping[str, Any]) -> Iterator[Problem]:
    for section in ("areas", "tables"):
        if section not in document:
            yield (section,), "is missing"
    paths = [(COVERS,)] if COVERS in document else []
    for path in (*paths, *_with_key(document, "shifts", COVERS)):
        yield path, 'needs capacity = "covers"'


def _with_key(
    document: Mapping[str, Any], section: str, key: str
) -> Iterator[tuple[str | int, ...]]:
    rows = document.get(section)
    for number, row in enumerate(rows if isinstance(rows, list) else ()):
        if isinstance(row, dict) and key in row:
            yield section, number, key
