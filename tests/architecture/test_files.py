"""Tracked files: nothing specific to one machine; locks that agree with pyproject."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.architecture.tree import ROOT, tracked

LOCKS = ("base.txt", "mysql.txt", "dev.txt")
#: The address of a registry, or a folder that exists on one machine only.
_FOREIGN = re.compile(
    r"--(?:extra-)?index-url|--find-links|--trusted-host"
    r"|https?://[^\s\"']*/simple(?:/|\b)|/packages/[0-9a-f]{2}/[0-9a-f]{2}/"
    r"|(?:^|[\s\"'=(:])/(?:home|Users|work|farm)/[a-zA-Z.]"
)
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)")


def _text(path: str) -> str:
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_no_registry_and_no_machine_is_named() -> None:
    found = [
        f"{path}:{number}"
        for path in tracked()
        if path != "tests/architecture/test_files.py"
        for number, line in enumerate(_text(path).splitlines(), 1)
        if _FOREIGN.search(line)
    ]
    assert not found


def _pins(lock: str) -> dict[str, str]:
    matches = map(_PIN.match, _text(f"requirements/{lock}").splitlines())
    return {canonicalize_name(found[1]): found[2] for found in matches if found}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_of_a_lock_has_its_hashes(lock: str) -> None:
    blocks = re.split(r"\n(?=[A-Za-z0-9])", _text(f"requirements/{lock}"))
    pinned = [block for block in blocks if _PIN.match(block)]
    assert pinned
    assert not [block.partition("\n")[0] for block in pinned if "--hash=sha256:" not in block]


def test_the_locks_agree() -> None:
    base, dev = _pins("base.txt"), _pins("dev.txt")
    for lock in ("mysql.txt", "dev.txt"):
        pins = _pins(lock)
        assert not {name for name in base if pins.get(name, base[name]) != base[name]}, lock
    assert base.keys() <= dev.keys()
    embedded = tomllib.loads(_text("pyproject.toml"))["project"]["optional-dependencies"][
        "embedded"
    ]
    only = {canonicalize_name(Requirement(each).name) for each in embedded}
    assert not only & _pins("mysql.txt").keys()  # a production machine runs neither
    assert not {"twilio", "openfeature-sdk"} & base.keys()


@pytest.mark.parametrize(
    ("extra", "lock"),
    [
        ("", "base.txt"),
        ("embedded", "base.txt"),
        *((extra, "mysql.txt") for extra in ("mysql", "s3", "sms", "flags", "traces")),
        ("dev", "dev.txt"),
    ],
)
def test_every_dependency_is_locked_in_its_range(extra: str, lock: str) -> None:
    project = tomllib.loads(_text("pyproject.toml"))["project"]
    wanted = project["optional-dependencies"][extra] if extra else project["dependencies"]
    pins = _pins(lock)
    for text in wanted:
        requirement = Requirement(text)
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin is not None, f"{text} is not in requirements/{lock}"
        assert requirement.specifier.contains(Version(pin), prereleases=True), (text, pin)
