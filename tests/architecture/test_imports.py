"""Allowed imports: import-linter's contracts (pyproject.toml), and what the rules may use."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.architecture.tree import PACKAGES, ROOT, product, tracked

#: The standard library's pure parts, and Maitred's own.
RULES_MAY_IMPORT = {
    "bisect",
    "collections",
    "collections.abc",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "hashlib",
    "heapq",
    "itertools",
    "math",
    "operator",
    "re",
    "statistics",
    "types",
    "typing",
    "unicodedata",  # its tables
    "zlib",  # its checksum
    "zoneinfo",
    "zxcvbn",  # a function of a text
}
#: Libraries that fetch from a given address.
FETCHING = {"aiohttp", "ftplib", "httpx", "requests", "twilio", "urllib3"}
FETCHERS = {
    ("tasks/messaging/channels/twilio_api.py", "twilio"),  # TWILIO_BASE_URL
    ("tasks/messaging/channels/twilio_api.py", "requests"),  # its errors
    ("tasks/messaging/channels/twilio_api.py", "urllib3"),
    ("deploy/demo/demo.py", "httpx"),  # plays the guests of PUBLIC_URL
    ("deploy/demo/host.py", "httpx"),  # plays the host of PUBLIC_URL
    ("deploy/embedded/answers.py", "httpx"),  # whether Maitred answers
    ("deploy/smoke.py", "httpx"),  # tests a new release at the address that its caller gives
    ("deploy/cli/health.py", "httpx"),  # the web process given by the operator
    ("deploy/release/place.py", "httpx"),  # the sockets of both slots
    ("deploy/compose_traffic.py", "http"),  # the socket of its own container
    ("deploy/release/front.py", "httpx"),  # nginx, at RELEASE_FRONT
}
FOLDERS = {*PACKAGES, ".ci", ".github", "docs", "examples", "requirements", "tests"}


def test_the_contracts_hold() -> None:
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or "lint-imports"
    done = subprocess.run(
        [command, "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_import_nothing_that_does_anything() -> None:
    impure = [
        f"{module.path}:{line} {name}"
        for module in product()
        if module.path.startswith("models/rules/")
        for name, line in module.imports()
        if name not in RULES_MAY_IMPORT
        and name != "models.core.errors"
        and not name.startswith("models.rules")
    ]
    assert not impure


def test_the_modules_that_fetch_from_elsewhere_are_written_down() -> None:
    """None of them fetches from a caller's address: the addresses are settings."""
    found = {
        (module.path, name.partition(".")[0])
        for module in product()
        for name, _line in module.imports()
        if name.partition(".")[0] in FETCHING or name in ("urllib.request", "http.client")
    }
    assert found == FETCHERS


def test_there_are_no_other_folders() -> None:
    folders = {path.partition("/")[0] for path in tracked() if "/" in path}
    assert folders <= FOLDERS, f"where does {folders - FOLDERS} belong?"
