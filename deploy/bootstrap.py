"""From a bare clone to a virtual environment with the locked wheels: `python3 deploy/bootstrap.py`.

Needs Python's standard library alone. Does nothing when the environment is what the lock says.
Python 3.6 can run it too, and looks for a newer one.
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
# A lock is complete, so nothing is resolved, whatever is newer by now: pips before 23.3 ask for
# the newest release of a package that is required with an extra, and then refuse the lock. What
# is released as source alone is built with what build.txt installs first, not with what is newest.
LOCKED = ("--no-deps", "--require-hashes", "--no-build-isolation")
BUILD = ROOT / "requirements" / "build.txt"


def newer_python() -> str:
    """A Python that is new enough; ends the process when there is none."""
    for name in CANDIDATES:
        found = shutil.which(name)
        if found and subprocess.call([found, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            return found
    sys.exit("Maitred needs Python 3.11 or newer; this is " + sys.version.split()[0])


def digest(lock: Path) -> str:
    """What the environment depends on: the lock, the package's own file, this Python."""
    hashed = hashlib.sha256(sys.version.encode())
    for path in (BUILD, lock, ROOT / "pyproject.toml"):
        hashed.update(path.read_bytes())
    return hashed.hexdigest()


def run(*argv: str, **more: str) -> None:
    """Run a command, `more` in its environment; end with what it was when it fails."""
    if subprocess.call(argv, env=os.environ | more) != 0:
        sys.exit("failed: " + " ".join(argv))


def install(venv: Path, lock: Path) -> None:
    """Make `venv` hold what the lock names, and this clone; nothing when it does already."""
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
    # setuptools warns of every editable installation; nobody who reads it can do anything
    run(*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT), PYTHONWARNINGS="ignore")
    run(str(python), "-m", "pip", "--disable-pip-version-check", "check")
    stamp.write_text(wanted)


def main() -> None:
    """`bootstrap.py VENV [LOCK]`: LOCK is base.txt (the default), mysql.txt or dev.txt."""
    if sys.version_info < LEAST:
        found = newer_python()
        os.execv(found, [found, *sys.argv])  # noqa: S606  # nosec B606 - itself again
    venv = Path(sys.argv[1] if len(sys.argv) > 1 else ".venv").absolute()
    install(venv, ROOT / "requirements" / (sys.argv[2] if len(sys.argv) > 2 else "base.txt"))


if __name__ == "__main__":
    main()
