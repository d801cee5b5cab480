"""Create a virtual environment with the locked wheels from a bare clone.

Usage: `python3 deploy/bootstrap.py`. Needs only Python's standard library. Does nothing when the
environment already matches the lock. Python 3.6 can run it too; it then looks for a newer Python.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

LEAST = (3, 11)
CANDIDATES = ("python3.11", "python3.12", "python3.13", "python3.14")
ROOT = Path(__file__).resolve().parent.parent
# A lock is complete, so no dependencies are resolved. Before 23.3, pip requests the newest release
# of a package that is required with an extra, and then rejects the lock. Source-only packages are
# built with the tools that build.txt installs first, not with the newest ones.
LOCKED = ("--no-deps", "--require-hashes", "--no-build-isolation")
BUILD = ROOT / "requirements" / "build.txt"


def newer_python() -> str:
    """Return the path of a new enough Python. Exit when none is found."""
    for name in CANDIDATES:
        found = shutil.which(name)
        if found and subprocess.call([found, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            return found
    sys.exit("Maitred needs Python 3.11 or newer; this is " + sys.version.split()[0])


def digest(lock: Path) -> str:
    """Hash everything the environment depends on: the locks, pyproject.toml and this Python."""
    hashed = hashlib.sha256(sys.version.encode())
    for path in (BUILD, lock, ROOT / "pyproject.toml"):
        hashed.update(path.read_bytes())
    return hashed.hexdigest()


def run(*argv: str, **more: str) -> None:
    """Run a command with `more` added to its environment.

    Exit with its command line when it fails.
    """
    if subprocess.call(argv, env=os.environ | more) != 0:
        sys.exit("failed: " + " ".join(argv))


def install(venv: Path, lock: Path) -> None:
    """Install the packages of the lock and this clone into `venv`; do nothing if already done."""
    stamp, python = venv / ("installed-" + lock.stem), venv / "bin" / "python"
    wanted = digest(lock)
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Installing the wheels of {lock.name} into {venv} ...", flush=True)
    if not python.exists():
        run(sys.executable, "-m", "venv", str(venv))
    pip = (str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    for each in (BUILD, lock):
        run(*pip, *LOCKED, "-r", str(each))
    # setuptools warns about every editable installation, and the reader cannot act on it
    run(*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT), PYTHONWARNINGS="ignore")
    run(str(python), "-m", "pip", "--disable-pip-version-check", "check")
    stamp.write_text(wanted)


def main() -> None:
    """Run `bootstrap.py VENV [LOCK]`: LOCK is base.txt (the default), mysql.txt or dev.txt."""
    if sys.version_info < LEAST:
        found = newer_python()
        os.execv(found, [found, *sys.argv])  # noqa: S606  # nosec B606 - re-executes itself
    venv = Path(sys.argv[1] if len(sys.argv) > 1 else ".venv").absolute()
    install(venv, ROOT / "requirements" / (sys.argv[2] if len(sys.argv) > 2 else "base.txt"))


if __name__ == "__main__":
    main()
