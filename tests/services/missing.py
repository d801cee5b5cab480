"""Missing programs of this machine: reported once, or a failure where CI=true."""

import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import pytest

MARK = "is not installed"


def is_strict() -> bool:
    """Whether a missing server fails the run (`CI=true`)."""
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def go_without(what: str) -> NoReturn:
    """Leave this test out because `what` is not installed; fail it where CI=true."""
    if is_strict():
        pytest.fail(f"{what} {MARK}, and CI=true allows no test to be left out")
    pytest.skip(f"{what} {MARK}")


def require_program(name: str) -> str:
    """Return the program's path; without it the test is left out, or fails where CI=true."""
    ours = Path(sys.executable).parent  # installed by the locks
    places = f"{ours}:{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    found = shutil.which(name, path=places)
    return found or go_without(name)


def left_out(skipped: Iterable[pytest.TestReport]) -> Counter[str]:
    """Count these reports by what was missing."""
    reasons = (str(report.longrepr[2]) for report in skipped if isinstance(report.longrepr, tuple))
    return Counter(
        reason.removeprefix("Skipped: ").removesuffix(f" {MARK}")
        for reason in reasons
        if reason.endswith(MARK)
    )
