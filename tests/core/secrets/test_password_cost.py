"""The cost of a password's hash in production. The tests' own process uses the lowest cost."""

import subprocess
import sys

from argon2 import PasswordHasher, Type, extract_parameters

from tests.architecture.tree import ROOT

HASH = (
    "from models.operations.accounts.accounts import hash_password;"
    "print(hash_password('a long one, unguessed'))"
)


def test_the_restaurant_itself_hashes_at_full_cost() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", HASH],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found, full = extract_parameters(ran.stdout.strip()), PasswordHasher()
    assert found.type is Type.ID
    assert (found.time_cost, found.memory_cost, found.parallelism) == (
        full.time_cost,
        full.memory_cost,
        full.parallelism,
    )
