"""All tests run: each name is collected, and none is skipped or disabled."""

import ast
import re
from collections import Counter

from tests.architecture.tree import Function, Module, modules_of_tests

#: The only place that may leave a test out: for a server that is not installed.
MAY_SKIP = {"tests/services/missing.py"}


def _is_test_file(module: Module) -> bool:
    return module.path.rpartition("/")[2].startswith("test_")


def test_test_functions_stand_in_test_files() -> None:
    found = [
        f"{module.path}:{function.lineno} {function.name}"
        for module in modules_of_tests()
        if not _is_test_file(module)
        for function in module.functions()
        if function.name.startswith("test_")
    ]
    assert not found


def test_test_methods_stand_in_test_classes() -> None:
    found = [
        f"{module.path}:{owner.lineno} {owner.name}"
        for module in modules_of_tests()
        for owner in ast.walk(module.tree)
        if isinstance(owner, ast.ClassDef)
        and not owner.name.startswith("Test")
        and any(isinstance(node, ast.FunctionDef) and _is_test(node) for node in owner.body)
    ]
    assert not found


def _is_test(function: Function) -> bool:
    return function.name.startswith("test_")


def test_no_name_hides_an_earlier_test() -> None:
    for module in modules_of_tests():
        names = Counter(
            node.name
            for node in module.tree.body
            if isinstance(node, ast.FunctionDef) and _is_test(node)
        )
        assert not [name for name, count in names.items() if count > 1], module.path


def test_every_function_of_a_test_file_is_a_test_or_used() -> None:
    idle = []
    for module in modules_of_tests():
        if not _is_test_file(module):
            continue
        used = {node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name)}
        idle += [
            f"{module.path}:{node.lineno} {node.name}"
            for node in module.tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and not node.name.startswith(("test_", "pytest_"))
            and not node.decorator_list
            and node.name not in used
        ]
    assert not idle


#: A clause in the place of the party, guest, caller or process that it is about.
_CLAUSE = re.compile(r"test_(control_)?(who|whom|whose|whoever)_")


def test_the_name_of_a_test_says_what_it_is_about() -> None:
    found = [
        f"{module.path}:{function.lineno} {function.name}"
        for module in modules_of_tests()
        for function in module.functions()
        if _CLAUSE.match(function.name)
    ]
    assert not found


def test_a_clause_in_place_of_a_name_is_found() -> None:
    assert _CLAUSE.match("test_who_" + "waits_is_told") and _CLAUSE.match("test_control_whoever_x")
    assert not _CLAUSE.match("test_a_guest_who_waits_is_told")


def test_no_test_is_set_aside() -> None:
    aside = re.compile(r"pytest\.(mark\.)?(skip|skipif|xfail|importorskip)\b")
    found = [
        module.path
        for module in modules_of_tests()
        if module.path not in MAY_SKIP and aside.search(module.text)
    ]
    assert not [path for path in found if path != "tests/architecture/test_tests.py"]
