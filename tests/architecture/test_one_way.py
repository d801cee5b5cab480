"""What has one module for it is done nowhere else."""

import ast
from collections.abc import Iterator, Sequence

from tests.architecture.tree import Module, product

#: Each opens a transaction, or a session to read with.
OPENERS = {"transaction", "unit", "plain_unit", "reading", "one_state"}
OF_CALLERS = ("models/operations/", "models/queries/", "models/rules/")
#: Place -> why it opens a session all the same.
OPEN_ALL_THE_SAME = {
    "models/queries/running/flags.py": "a process's cache, which edges refresh between transactions"
}


def called(module: Module) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call, with the last part of its name."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.func.id, node
            elif isinstance(node.func, ast.Attribute):
                yield node.func.attr, node


def opened(modules: Sequence[Module]) -> set[str]:
    """The modules in which operations, queries or rules open a session of their own."""
    return {
        module.path
        for module in modules
        if module.path.startswith(OF_CALLERS)
        for name, _ in called(module)
        if name in OPENERS
    }


def module(path: str, text: str) -> Module:
    return Module(path, text, ast.parse(text))


def test_operations_queries_and_rules_open_no_transaction() -> None:
    assert opened(product()) == OPEN_ALL_THE_SAME.keys()


def test_the_control_an_operation_that_opens_a_transaction_is_found() -> None:
    texts = (
        "with transaction() as session: pass",
        "def f(): return transactions.unit(lambda session: 0)",
        "def f(): return once(reading())",
    )
    for text in texts:
        path = "models/operations/guests/x.py"
        assert opened([module(path, text)]) == {path}
    assert not opened([module("tasks/jobs/x.py", texts[0])])
    assert not opened([module("models/operations/x.py", "from a import unit")])
