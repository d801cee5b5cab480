"""The locks stay installable: with any pip, on each Python, despite newer releases.

Needs the package index, as every installation does.
"""

import io
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

from deploy import bootstrap
from tests.architecture.tree import ROOT

LOCKS = ("base.txt", "mysql.txt", "dev.txt")
#: The pip bundled with Python 3.11.0, the oldest that is supported.
OLDEST_PIP = "22.3"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
#: Source-only packages: their build tools have to be on the machine.
SOURCE_ALONE = {"mysqlclient", "sslyze"}


def _wheel(name: str, version: str) -> bytes:
    """Return an empty wheel."""
    held = io.BytesIO()
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    with zipfile.ZipFile(held, "w") as wheel:
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return held.getvalue()


def _offer_newer(folder: Path, lock: Path) -> Path:
    """Create a folder of wheels with a newer release of each package in the lock."""
    folder.mkdir()
    for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text(), re.MULTILINE):
        plain = name.replace("-", "_")
        (folder / f"{plain}-9999.0-py3-none-any.whl").write_bytes(_wheel(name, "9999.0"))
    return folder


def _oldest(folder: Path) -> Path:
    """Create an environment with the oldest pip, and return its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", f"pip=={OLDEST_PIP}"], check=True
    )
    done = _install(python, "--quiet", "-r", str(bootstrap.BUILD), *bootstrap.LOCKED)
    assert done.returncode == 0, done.stderr
    return python


def _environment() -> dict[str, str]:
    """Return the current environment, without version constraints for pip."""
    return {name: value for name, value in os.environ.items() if name != "PIP_CONSTRAINT"}


def _run(*argv: str, **more: str) -> subprocess.CompletedProcess[str]:
    env = _environment() | more
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=env)


def _try(python: Path, lock: Path, newer: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Dry-run an installation from the lock while newer releases are available."""
    offered = {"PIP_FIND_LINKS": str(newer)}
    return _install(python, "--dry-run", *options, "-r", str(lock), **offered)


def _install(python: Path, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
    return _run(str(python), "-m", "pip", "install", *options, **more)


def _released(lock: Path) -> dict[str, list[tuple[str, str]]]:
    """Map "name==version" to the file name and SHA-256 of each of its wheels in the index."""
    uv = str(Path(sys.executable).parent / "uv")
    # the machine's own certificates, as pip uses them: an index may have a company's certificate
    options = ("--system-certs", "--no-deps", "--universal", "--python-version", PYTHONS[0])
    done = _run(uv, "pip", "compile", "--quiet", "--format", "pylock.toml", *options, str(lock))
    assert done.returncode == 0, done.stderr
    return {
        f"{package['name']}=={package['version']}": [
            (wheel["url"].rpartition("/")[2], wheel["hashes"]["sha256"])
            for wheel in package.get("wheels", ())
        ]
        for package in tomllib.loads(done.stdout)["packages"]
    }


def _needed(lock: Path, python: str) -> dict[str, str]:
    """Map "name==version" to its block in the lock, for packages that Python installs on Linux."""
    blocks = re.split(r"\n(?=[A-Za-z0-9])", lock.read_text())
    marks = {"python_version": python, "python_full_version": f"{python}.0"}
    found = {}
    for block in blocks:
        wanted = Requirement(block.partition(" \\")[0])
        if wanted.marker is None or wanted.marker.evaluate(marks):
            found[f"{canonicalize_name(wanted.name)}{wanted.specifier}"] = block
    return found


def _without_wheel(lock: Path, python: str) -> set[str]:
    """Return the names of packages that this Python on Linux would build from source."""
    version = tuple(int(part) for part in python.split("."))
    platforms = [f"manylinux_2_{minor}_x86_64" for minor in range(28, 4, -1)]
    legacy = ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"]
    tags = {
        *cpython_tags(version, platforms=[*platforms, *legacy]),
        *compatible_tags(version, f"cp{version[0]}{version[1]}", [*platforms, *legacy]),
    }
    released = _released(lock)
    return {
        name.partition("==")[0]
        for name, block in _needed(lock, python).items()
        if not any(
            tags & parse_wheel_filename(file)[3] and f"sha256:{digest}" in block
            for file, digest in released[name]
        )
    }


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _oldest(tmp_path_factory.mktemp("oldest") / "env")


@pytest.mark.slow
@pytest.mark.timeout(600)  # uncached wheels are downloaded
@pytest.mark.parametrize("name", ["base.txt", "mysql.txt"])
def test_a_lock_installs_with_the_oldest_pip_beside_newer_releases(
    name: str, oldest: Path, tmp_path: Path
) -> None:
    lock = ROOT / "requirements" / name
    done = _try(oldest, lock, _offer_newer(tmp_path / "newer", lock), *bootstrap.LOCKED)
    assert done.returncode == 0, done.stdout + done.stderr
    (would,) = re.findall(r"^Would install (.+)$", done.stdout, re.MULTILINE)
    assert "9999" not in would
    assert "pydantic-" in would


@pytest.mark.slow
def test_without_no_deps_that_pip_refuses_the_lock(oldest: Path, tmp_path: Path) -> None:
    """Control: the installation failed like this before."""
    lock = ROOT / "requirements" / "base.txt"
    done = _try(oldest, lock, _offer_newer(tmp_path / "newer", lock), "--require-hashes")
    assert done.returncode != 0
    assert "must have their versions pinned" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_the_hash_of_a_wheel_for_each_python(name: str, python: str) -> None:
    assert _without_wheel(ROOT / "requirements" / name, python) <= SOURCE_ALONE


def test_a_lock_without_the_hash_of_a_wheel_is_found(tmp_path: Path) -> None:
    """Control of the test above."""
    base, lock = ROOT / "requirements" / "base.txt", tmp_path / "lock.txt"
    name = next(each for each in _needed(base, "3.14") if each.startswith("pydantic-core=="))
    block = _needed(base, "3.14")[name]
    lock.write_text(block)
    assert _without_wheel(lock, "3.14") == set()
    for file, digest in _released(lock)[name]:
        block = block.replace(digest, "0" * 64) if "-cp314-" in file else block
    lock.write_text(block)
    assert _without_wheel(lock, "3.13") == set()
    assert _without_wheel(lock, "3.14") == {"pydantic-core"}
