"""Every public operation is reachable from an edge (web, tasks, commands)."""

import ast
from collections.abc import Iterable, Iterator

from schedules.jobs import jobs
from tasks.jobs.stand import STAND_JOBS
from tasks.queues import TASKS
from tests.architecture.tree import Module, dotted, product

EDGES = ("web/", "tasks/", "deploy/", "schedules/", "workers/")
#: A top-level name: its dotted module, and its name there.
Name = tuple[str, str]
#: What no code of the product refers to -> who does.
FOR_OTHERS: dict[Name, str] = {
    ("web.wsgi", "app"): "the server, by its command",
    ("tasks.nudges", "flush_nudges"): "tests: only this shows that nothing was sent",
}


def imported(tree: ast.AST) -> dict[str, Name]:
    """Map each imported name to its origin. A module itself is (module, "")."""
    found: dict[str, Name] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                found[name.asname or name.name] = (node.module, name.name)
        elif isinstance(node, ast.Import):
            for name in node.names:
                found[name.asname or name.name.partition(".")[0]] = (name.name, "")
    return found


def used(node: ast.AST, home: str, known: dict[str, Name]) -> Iterator[Name]:
    """Every top-level name that this code refers to."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            yield known.get(each.id, (home, each.id))
        elif isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
            module, name = known.get(each.value.id, ("", ""))
            yield (f"{module}.{name}" if name else module, each.attr)


def graph() -> tuple[dict[Name, set[Name]], set[Name]]:
    """The references between top-level names, and the names of the edges."""
    speaks: dict[Name, set[Name]] = {}
    roots: set[Name] = set()
    for module in product():
        home, known = dotted(module), imported(module.tree)
        for node in module.tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                continue
            for name in called(node):
                speaks.setdefault((home, name), set()).update(used(node, home, known))
                if module.path.startswith(EDGES):
                    roots.add((home, name))
    return speaks, roots


def called(node: ast.stmt) -> list[str]:
    """The names that a module's statement defines; one that defines none runs at import."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [each.id for each in targets if isinstance(each, ast.Name)] or ["(at import)"]


def reached() -> set[Name]:
    speaks, found = graph()
    todo = list(found)
    while todo:
        for name in speaks.get(todo.pop(), ()):
            if name in speaks and name not in found:
                found.add(name)
                todo.append(name)
    return found


def _strings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def for_tests_alone(modules: Iterable[Module]) -> set[Name]:
    """Top-level names that no other code of the product refers to.

    Left out: decorated functions (the decorator keeps them), loops, and modules that are imported
    by a name in a string.
    """
    modules = list(modules)
    defined: set[Name] = set()
    referred: set[Name] = set()
    texts: set[str] = set()
    for module in modules:
        home, known = dotted(module), imported(module.tree)
        said = set(_strings(module.tree))
        texts |= said
        referred |= {(home, text) for text in said if text.isidentifier()}  # a name in quotes
        for node in module.tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                continue
            own = {(home, name) for name in called(node) if name.isidentifier()}
            referred |= set(used(node, home, known)) - own
            is_kept = isinstance(node, ast.FunctionDef) and node.decorator_list
            if not (is_kept or isinstance(node, ast.For)):
                defined |= own
    return {
        (home, name) for home, name in defined - referred if home not in texts and name != "__all__"
    }


def public_operations() -> set[Name]:
    return {
        (dotted(module), node.name)
        for module in product()
        if module.path.startswith("models/operations/")
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }


def test_every_operation_is_reached_from_an_edge() -> None:
    operations = public_operations()
    assert len(operations) > 100
    assert operations - reached() == set()


def test_the_way_is_really_looked_for(tmp_path: object) -> None:
    """A name without references is found; so is one that only refers to itself."""
    speaks, _ = graph()
    spoken = {name for names in speaks.values() for name in names}
    assert ("models.operations.deciding.waitlist", "expire_waitlists") in spoken
    assert ("models.operations.deciding.waitlist", "expire_wait_lists") not in reached()


def test_nothing_is_there_for_tests_alone() -> None:
    assert for_tests_alone(product()) == FOR_OTHERS.keys()


def test_what_only_tests_use_is_found() -> None:
    texts = {
        "web/a.py": "from web.b import kept\nkept()\n",
        "web/b.py": "def kept(): lost\ndef lone(): lone()\n@view\ndef seen(): ...\n",
    }
    modules = [Module(path, text, ast.parse(text)) for path, text in texts.items()]
    assert for_tests_alone(modules) == {("web.b", "lone")}


def test_the_clock_asks_for_every_job_of_the_stand() -> None:
    asked = {job.name: job.task for job in jobs(3, backups=False)}
    for name in STAND_JOBS:
        assert asked[name] == f"maintenance.{name}"
        assert asked[name] in TASKS
