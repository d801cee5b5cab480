"""Every import is declared, and every declared package is imported (or loaded in another way)."""

import re
import sys
import tomllib
from functools import lru_cache
from importlib.metadata import packages_distributions
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.tree import PACKAGES, ROOT, Module, modules_of_tests, product

#: Declared, and used without an import.
LOADED_OTHERWISE = {
    "granian": "the command that serves",
    "mysqlclient": "SQLAlchemy loads it by the name in DATABASE_URL",
    "tzdata": "zoneinfo reads it",
    "google-cloud-kms": "tink's own client of it",
}
#: Extras that only some installations have, and tools that write files of this repository.
DEVELOPERS_ONLY = {"deploy/watch/make.py": "yaml"}
#: Import names of several distributions: the one that is meant.
MEANT = {
    "google": {"google-api-core", "google-auth"},
    "opentelemetry": {
        "opentelemetry-api",
        "opentelemetry-sdk",
        "opentelemetry-exporter-otlp-proto-http",
        "opentelemetry-semantic-conventions",
    },
}


@lru_cache(maxsize=1)
def _pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _project() -> dict[str, Any]:
    found: dict[str, Any] = _pyproject()["project"]
    return found


def _names(requirements: list[str]) -> set[str]:
    return {str(canonicalize_name(Requirement(each).name)) for each in requirements}


def _declared() -> set[str]:
    extras = _project()["optional-dependencies"]
    return _names(_project()["dependencies"]).union(
        *(_names(names) for extra, names in extras.items() if extra != "dev")
    )


@lru_cache(maxsize=1)
def _distributions() -> dict[str, list[str]]:
    return dict(packages_distributions())


def _foreign(module: Module) -> set[str]:
    """The top-level names of its imports from outside the project."""
    ours = {*PACKAGES, "tests", *sys.stdlib_module_names}
    return {name.partition(".")[0] for name, _ in module.imports()} - ours


def _meant(name: str) -> set[str]:
    if name in MEANT:
        return MEANT[name]
    return {str(canonicalize_name(each)) for each in _distributions().get(name, [name])}


def _undeclared(modules: tuple[Module, ...], declared: set[str]) -> list[str]:
    return [
        f"{module.path}: {name}"
        for module in modules
        for name in sorted(_foreign(module))
        if not _meant(name) & declared and DEVELOPERS_ONLY.get(module.path) != name
    ]


def test_what_the_product_imports_is_declared() -> None:
    declared = _declared()
    assert _undeclared(product(), declared) == []
    assert _undeclared(product(), declared - {"urllib3"})  # the test can fail


def test_what_the_tests_import_is_declared() -> None:
    dev = _names(_project()["optional-dependencies"]["dev"])
    assert _undeclared(modules_of_tests(), _declared() | dev) == []


def test_what_is_declared_is_imported() -> None:
    imported = set().union(*(_meant(name) for module in product() for name in _foreign(module)))
    assert _declared() - imported == LOADED_OTHERWISE.keys()


def test_each_dependency_has_its_reason() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|") and not line.startswith(("|---", "| package"))
    ]
    dev = _names(_project()["optional-dependencies"]["dev"])
    assert sorted(row[0] for row in rows) == sorted(_declared() | dev)
    assert all(row[-1] for row in rows)


def test_what_builds_the_package_is_locked() -> None:
    wanted = _names(_pyproject()["build-system"]["requires"])
    text = (ROOT / "requirements" / "build.txt").read_text(encoding="utf-8")
    assert wanted == set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))
    assert wanted == _names(_pyproject()["dependency-groups"]["build"])
