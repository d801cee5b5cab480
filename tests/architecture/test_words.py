"""The words of the trade, and the one clock."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from tests.architecture.tree import Module, product, prose

#: A word that a name may not contain -> the project's word.
SAY_INSTEAD = {
    "pax": "party, party_size",
    "customer": "guest",
    "customers": "guests",
    "timeslot": "slot",
    "timeslots": "slots",
    "throttle": "pacing",
    "throttling": "pacing",
    "user": "guest or account",
    "users": "guests or accounts",
    "bookings": "reservations",
    "notification": "message",
    "notifications": "messages",
    "walkin": "walk_in",
    "timezone": "zone",
}
#: Phrases that pages, docstrings and comments may not contain -> what to say instead.
INSTEAD_OF = {
    r"\b(?:the|this|a|another|one|whole|running) house(?:'s)?\b": "restaurant, or installation",
    r"\bput(?:s|ting)? in place\b": "deploy",
    r"\btak(?:e|es|en|ing) the release back\b": "roll back",
    r"\bgo(?:es)? back by itself\b": "is rolled back",
    r"\bwho(?:ever)? does not come yet\b": "parties that have not arrived",
    r"\bof ours\b": "whose it is",
}
#: Names that belong to somebody else's vocabulary.
FOREIGN = {"flower_user", "user_agent", "timezone"}

_CLOCKS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "gmtime"),
    ("time", "localtime"),
}


def _names(module: Module) -> Iterator[tuple[str, int]]:
    """Every name that the module defines: functions, classes, parameters, variables, fields."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno


def _words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def test_names_use_the_words_of_the_trade() -> None:
    wrong = [
        f"{module.path}:{line} {name}: say {SAY_INSTEAD[word]}"
        for module in product()
        for name, line in _names(module)
        if name not in FOREIGN
        for word in _words(name) & SAY_INSTEAD.keys()
    ]
    assert not wrong


def test_the_words_of_a_name_are_found() -> None:
    assert _words("max_pax") & SAY_INSTEAD.keys() == {"pax"}
    assert _words("CustomerView") & SAY_INSTEAD.keys() == {"customer"}
    assert not _words("party_of_guests") & SAY_INSTEAD.keys()


def _defined_twice(modules: Iterable[Module]) -> dict[str, list[str]]:
    """The names of classes that stand for two things -> where they are defined."""
    found = defaultdict(list)
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(f"{module.path}:{node.lineno}")
    return {name: places for name, places in found.items() if len(places) > 1}


def test_a_class_name_means_one_thing() -> None:
    assert not _defined_twice(product())


def test_a_class_name_with_two_meanings_is_found() -> None:
    modules = [
        Module(path, text, ast.parse(text))
        for path, text in (
            ("web/a.py", "class Span: ..."),
            ("tasks/b.py", "class Hold:\n    class Span: ..."),
        )
    ]
    assert _defined_twice(modules) == {"Span": ["web/a.py:1", "tasks/b.py:2"]}


def test_prose_is_in_standard_terms() -> None:
    wrong = [
        f"{where}: {found[0]}: say {instead}"
        for where, text in prose()
        if where != "tests/architecture/test_words.py"
        for phrase, instead in INSTEAD_OF.items()
        for found in re.finditer(phrase, text, re.IGNORECASE)
    ]
    assert not wrong


def test_the_time_comes_from_the_clock_alone() -> None:
    found = [
        f"{module.path}:{node.lineno}"
        for module in product()
        if module.path != "models/core/clock.py"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name | ast.Attribute)
        and (getattr(node.value, "id", getattr(node.value, "attr", "")), node.attr) in _CLOCKS
    ]
    assert not found
