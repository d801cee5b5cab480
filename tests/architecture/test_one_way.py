"""What has one module for it is done nowhere else."""

import ast
from collections.abc import Iterator, Sequence

from tasks.app import MODULES
from tests.architecture.tree import Module, dotted, product

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


def looping_tasks(modules: Sequence[Module]) -> set[str]:
    """The modules of queues with a loop that has no end in sight, or opens transactions."""
    return {
        module.path
        for module in modules
        for loop in ast.walk(module.tree)
        if isinstance(loop, ast.While)
        or (
            isinstance(loop, ast.For)
            and any(name in OPENERS for name, _ in called(Module("", "", ast.Module([loop], []))))
        )
    }


def test_tasks_hold_no_loop_over_transactions() -> None:
    queues = [one for one in product() if dotted(one) in MODULES]
    assert len(queues) == len(MODULES)
    assert not looping_tasks(queues)


def test_the_control_a_task_with_a_loop_is_found() -> None:
    for text in (
        "@app.task\ndef f():\n    while g():\n        pass",
        "def f():\n    for i in g():\n        unit(i)",
    ):
        assert looping_tasks([module("tasks/x.py", text)]) == {"tasks/x.py"}
    assert not looping_tasks([module("tasks/x.py", "for lane in lanes:\n    nudge_lane(lane)")])


#: Place -> why it loops and sleeps without `models.core.waiting.wait_until`.
OTHER_LOOPS = {
    "deploy/demo/demo.py": "coroutines",
    "deploy/embedded/up.py": "restarts what ended, after a growing pause",
    "deploy/compose_traffic.py": "the standard library alone",
    "deploy/release/keeper.py": "a service's loop, which works at each turn",
    "deploy/release/watch.py": "the time to watch depends on what was seen so far",
    "models/core/database/transactions.py": "retries of work; it ends with the work's own error",
    "models/core/waiting.py": "the module itself",
    "tasks/messaging/patience.py": "retries of work; it ends with the work's own error",
    "web/api/stand/book_events.py": "yields between the pauses",
}
#: Place -> why it renames, links or syncs without `models.core.atomic_files`.
OTHER_FILES = {
    "deploy/embedded/supervisor.py": "puts an old log aside",
    "deploy/compose_traffic.py": "the standard library alone",
    "tasks/backups/restore_to_url.py": "moves a database that its program has written and synced",
    "models/core/append_files.py": "appends to a file, and replaces none",
    "models/core/atomic_files.py": "the module itself",
    "tasks/backups/databases/scratch.py": "a link in a new folder of its own",
    "tasks/backups/restore.py": "a whole folder, which other programs have written and synced",
}
_OF_FILES = {"fsync", "hardlink_to", "link", "mkstemp", "rename", "renames", "symlink_to"}


def looping(modules: Sequence[Module]) -> set[str]:
    """The modules in which a loop sleeps."""
    return {
        module.path
        for module in modules
        for loop in ast.walk(module.tree)
        if isinstance(loop, ast.While | ast.For)
        for name, _ in called(Module(module.path, "", ast.Module([loop], [])))
        if name == "sleep"
    }


def replacing(modules: Sequence[Module]) -> set[str]:
    """The modules that rename, link or sync files. A path's `replace` has one argument."""
    return {
        module.path
        for module in modules
        for name, call in called(module)
        if isinstance(call.func, ast.Attribute)
        if name in _OF_FILES
        or (name == "replace" and len(call.args) == 1 and not call.keywords)
        or ast.unparse(call.func) == "os.replace"
    }


def test_waiting_loops_stand_in_one_module() -> None:
    assert looping(product()) == OTHER_LOOPS.keys()


def test_files_are_replaced_in_one_module() -> None:
    assert replacing(product()) == OTHER_FILES.keys()


def test_the_control_other_loops_and_replacements_are_found() -> None:
    for text in (
        "while not f():\n    time.sleep(1)",
        "for i in f():\n    if i:\n        sleep(1)",
    ):
        assert looping([module("a.py", text)]) == {"a.py"}
    assert not looping([module("a.py", "sleep(1)")])
    for text in ("draft.replace(path)", "os.replace(a, b)", "a.rename(b)", "os.fsync(handle)"):
        assert replacing([module("a.py", text)]) == {"a.py"}
    assert not replacing([module("a.py", "text.replace('a', 'b')\nreplace(one, state=1)")])


#: Place -> what it does with the rows of leases.
OF_LEASES = {
    "models/operations/running/leases.py": "takes, renews and deletes them",
    "models/queries/running/presence.py": "reads whether there is a leader",
    "tasks/backups/restored_rows.py": "asks whether a restored database has the table",
    "tasks/failover/after.py": "reads whether the leader goes on",
}


def test_leases_are_written_by_one_module() -> None:
    found = {
        module.path
        for module in product()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Name) and node.id == "Lease"
    }
    assert found == OF_LEASES.keys()
    writers = {
        module.path
        for module in product()
        for name, call in called(module)
        if name in ("insert", "update", "delete", "insert_if_missing")
        if any(isinstance(node, ast.Name) and node.id == "Lease" for node in ast.walk(call))
    }
    assert writers == {"models/operations/running/leases.py"}
