"""Budgets: maximum lengths, and how often some constructs may occur."""

import ast
import math
from collections import Counter
from collections.abc import Container, Sequence
from pathlib import PurePath

from tests.architecture.tree import Module, dotted, modules_of_tests, product, size

FUNCTION_P90, FUNCTION_MAX = 20, 50
MODULE_P90, MODULE_MAX = 200, 300
FOLDER_MAX = 15
#: Modules of the project that a module may import.
FAN_OUT_MAX = 15

#: Where many parts meet: path -> the most it may import, and why it is not divided.
ASSEMBLY_POINTS: dict[str, tuple[int, str]] = {
    "deploy/cli/main.py": (19, "the list of commands"),
    "deploy/cli/recovery/backups.py": (17, "one command for each thing done with backups"),
    "deploy/cli/restaurant.py": (16, "one command for each thing done with a restaurant's file"),
    "models/operations/deciding/rounds.py": (
        27,
        "a round joins queries, rules and what is written",
    ),
    "models/operations/door/calling.py": (22, "a call joins the list, the floor and its message"),
    "models/operations/door/free_tables.py": (17, "a call asks the floor, the rules and the list"),
    "models/operations/door/joining.py": (23, "joining asks the rules, the floor and the list"),
    "models/operations/reservations/changes.py": (19, "a change asks rules, tables and messages"),
    "models/operations/reservations/booking.py": (22, "a booking asks every rule about a party"),
    "models/operations/tables/lengthening.py": (18, "an act joins rules, plan and what is written"),
    "models/operations/tables/placing.py": (16, "an act joins rules, plan and what is written"),
    "models/operations/stand/undo.py": (16, "an undo joins history, tables and messages"),
    "models/operations/reservations/staff_changes.py": (20, "a change by where the party is"),
    "models/operations/stand/present_changes.py": (
        20,
        "a change of who is here asks the rules and moves it",
    ),
    "models/operations/stand/walk_ins.py": (20, "a walk-in is booked, decided and seated at once"),
    "models/integrity/parts.py": (20, "one part of the check for each subject"),
    "tasks/backups/make.py": (18, "a backup joins databases, log, stores and records"),
    "tasks/maintenance.py": (20, "the jobs of a queue"),
    "tasks/messaging/delivery.py": (17, "an attempt joins rules, channels and records"),
    "web/api/door/door.py": (26, "views: what is read, done, nudged and shown"),
    "web/api/door/verbs.py": (20, "views: what is read, done, nudged and shown"),
    "web/api/evening/blocks.py": (21, "views: what is read, done, nudged and shown"),
    "web/api/evening/limits.py": (20, "views: what is read, done, nudged and shown"),
    "web/api/evening/sections.py": (20, "views: what is read, done, nudged and shown"),
    "web/api/guest_book/search.py": (23, "views: what is read, done, nudged and shown"),
    "web/api/reservations.py": (25, "views: what is read, done, nudged and shown"),
    "web/api/stand/arrivals.py": (26, "views: what is read, done, nudged and shown"),
    "web/api/stand/book.py": (31, "views: what is read, done, nudged and shown"),
    "web/api/stand/guests.py": (19, "views: what is read, done, nudged and shown"),
    "web/api/tables/acts.py": (24, "views: what is read, done, nudged and shown"),
    "web/app.py": (46, "the list of the application's parts"),
    "web/pages/booking.py": (22, "views: what is read, done, nudged and shown"),
    "web/pages/door_page.py": (20, "views: what is read, done, nudged and shown"),
    "web/pages/place.py": (16, "views: what is read, done, nudged and shown"),
    "web/pages/manage.py": (23, "views: what is read, done, nudged and shown"),
    "web/pages/stand/book_list.py": (16, "views: what is read, done, nudged and shown"),
    "web/pages/stand/panels/party.py": (17, "views: what is read, done, nudged and shown"),
    "web/pages/stand/panels/evening.py": (17, "views: what is read, done, nudged and shown"),
    "web/pages/stand/sign_in.py": (20, "views: what is read, done, nudged and shown"),
    "workers/hooks.py": (18, "what starts with a worker"),
}

#: Process edges that must survive any exception: path -> why, and how often.
BROAD_EXCEPTS: dict[str, tuple[str, int]] = {
    "models/core/database/transactions.py": (
        "an after-commit hook is a nudge; the commit stands",
        1,
    ),
    "models/core/observe/otlp_metrics.py": ("a thread that ended would send no metric any more", 1),
    "tasks/nudges.py": ("a thread that ended would take every later nudge with it", 1),
    "tasks/messaging/delivery.py": ("a fault in one message must not hold up all the others", 1),
    "tasks/messaging/channels/email.py": ("no calendar is no reason for no mail", 1),
}


def percentile(values: Sequence[int], share: float) -> int:
    return sorted(values)[math.ceil(share * len(values)) - 1] if values else 0


def test_functions_are_short() -> None:
    sizes = {
        f"{module.path}:{function.lineno} {function.name}": size(function)
        for module in product()
        for function in module.functions()
    }
    too_long = {name: lines for name, lines in sizes.items() if lines > FUNCTION_MAX}
    assert not too_long
    assert percentile(list(sizes.values()), 0.9) <= FUNCTION_P90


def test_modules_are_short() -> None:
    sizes = {module.path: module.lines for module in product()}
    assert not {path: lines for path, lines in sizes.items() if lines > MODULE_MAX}
    assert percentile(list(sizes.values()), 0.9) <= MODULE_P90


def test_folders_hold_few_modules() -> None:
    modules = (*product(), *modules_of_tests())
    held = Counter(str(PurePath(module.path).parent) for module in modules)
    for package in held.copy():
        held[package] -= 1  # its __init__
    assert not {folder: count for folder, count in held.items() if count > FOLDER_MAX}


def _fan_out(module: Module, known: Container[str]) -> int:
    """How many modules of the project it imports."""
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            home = node.module or ""
            inner = {f"{home}.{name.name}" for name in node.names}
            found |= {name if name in known else home for name in inner}
    return sum(name in known for name in found)


def test_few_modules_import_many() -> None:
    known = {dotted(module) for module in product()}
    fans = {module.path: _fan_out(module, known) for module in product()}
    many = {path: fan for path, fan in fans.items() if fan > FAN_OUT_MAX}
    assert many.keys() == ASSEMBLY_POINTS.keys(), "divide it, or say why parts meet there"
    assert not {path: fan for path, fan in many.items() if fan > ASSEMBLY_POINTS[path][0]}


def test_each_module_that_is_imported_counts_once() -> None:
    text = "import json\nimport a.b\nfrom a import b, c\nfrom a.c import X, Y\nfrom z import d\n"
    assert _fan_out(Module("m.py", text, ast.parse(text)), {"a", "a.b", "a.c"}) == 2


def test_nothing_is_imported_inside_a_function() -> None:
    found = [
        f"{module.path}:{node.lineno}"
        for module in product()
        for function in module.functions()
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not found


def test_there_is_one_commit() -> None:
    found = [
        f"{module.path}:{node.lineno}"
        for module in product()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "commit"
    ]
    assert [place.partition(":")[0] for place in found] == [
        "models/core/database/transactions.py"
    ], found


def test_broad_excepts_stand_at_process_edges_with_their_reason() -> None:
    found: Counter[str] = Counter()
    for module in product():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ExceptHandler) and _is_broad(node):
                found[module.path] += 1
                line = module.text.splitlines()[node.lineno - 1]
                assert "#" in line, f"{module.path}:{node.lineno}: say why, on the same line"
    assert found == {path: count for path, (_why, count) in BROAD_EXCEPTS.items()}


def _is_broad(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException"))
        for kind in caught
    )


def test_every_module_says_what_it_is_for_in_its_first_line() -> None:
    assert not [module.path for module in product() if not _first_line_speaks(module)]


def _first_line_speaks(module: Module) -> bool:
    first = module.text.partition("\n")[0]
    return bool(ast.get_docstring(module.tree)) and first.startswith('"""') and len(first) > 10


def test_public_things_say_what_they_promise() -> None:
    missing = [
        f"{module.path}:{node.lineno} {node.name}"
        for module in product()
        for node in _public(module.tree)
        if not ast.get_docstring(node)
    ]
    assert not missing


def _public(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Functions and classes of the module, and methods of those classes, without leading `_`."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [node for node in tree.body if isinstance(node, kinds)]
    for owner in [node for node in found if isinstance(node, ast.ClassDef)]:
        if not owner.name.startswith("_"):
            found += [node for node in owner.body if isinstance(node, kinds)]
    return [node for node in found if not node.name.startswith("_")]
