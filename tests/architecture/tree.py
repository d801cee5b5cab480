"""The project's own files, read and parsed once."""

import ast
import io
import subprocess
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("models", "tasks", "workers", "schedules", "web", "deploy")

#: History: what was there when it was written.
PAST = frozenset({"CHANGELOG.md"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file: its path from the root, its text, its tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        """The number of lines."""
        return self.text.count("\n")

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def imports(self) -> Iterator[tuple[str, int]]:
        """Every imported module with its line."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((name.name, node.lineno) for name in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.module or "", node.lineno


def _read(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    return Module(str(path.relative_to(ROOT)), text, ast.parse(text))


@lru_cache(maxsize=1)
def product() -> tuple[Module, ...]:
    """Every module that ships, without the migrations, which are history."""
    return tuple(
        _read(path)
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if "migrations/versions" not in str(path)
    )


@lru_cache(maxsize=1)
def modules_of_tests() -> tuple[Module, ...]:
    return tuple(_read(path) for path in sorted((ROOT / "tests").rglob("*.py")))


@lru_cache(maxsize=1)
def tracked() -> tuple[str, ...]:
    """The paths tracked by git."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return tuple(path for path in listed.split("\0") if path and (ROOT / path).is_file())


def dotted(module: Module) -> str:
    """The name by which it is imported."""
    return module.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def size(function: Function) -> int:
    """A function's lines, from `def` to its end."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _comments(module: Module) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def _docstrings(module: Module) -> Iterator[str]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(module.tree):
        if isinstance(node, kinds):
            yield ast.get_docstring(node) or ""


def prose() -> Iterator[tuple[str, str]]:
    """Where, and a text."""
    for module in (*product(), *modules_of_tests()):
        for text in (*_docstrings(module), *_comments(module)):
            yield module.path, text
    for path in tracked():
        if path.endswith(".md") and path not in PAST:
            yield path, (ROOT / path).read_text(encoding="utf-8")
