"""What this machine lacks: named loudly once; a failure where everything has to be there (CI)."""

import os
from typing import NoReturn

import pytest

#: what is missing -> how many tests went without
missing: dict[str, int] = {}


def is_strict() -> bool:
    """Whether a missing server fails the run (`CI=true`)."""
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def go_without(what: str) -> NoReturn:
    """Leave this test out because `what` is not installed; fail it where CI=true."""
    missing[what] = missing.get(what, 0) + 1
    if is_strict():
        pytest.fail(f"{what} is not installed, and CI=true allows no test to be left out")
    pytest.skip(f"{what} is not installed")
