"""Releases under load: `python -m tests.bench.release [REQUESTS]`.

On nginx, granian, Celery, Redis and a MariaDB with durable commits: blue-green, rolling, canary and
rollback, repeated until so many requests were sent, half of them over kept connections and half
over new ones. Prints the duration of each and the callers' waiting times; exits with 1 when one
request failed, or when an acknowledged one is missing, undecided, or not notified exactly once.
"""

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from tests.bench.load import percentile
from tests.release.crowd import Crowd, in_order
from tests.release.restaurant import Machine, machine
from tests.release.test_release import GOOD_STEP, add_step
from tests.services import plan
from tests.services.running.surroundings import environment
from tests.services.servers.mariadb import MariaDB

CALLERS, RATE = 24, 5.0


def _do(place: Machine, crowd: Crowd, *words: str | Path) -> None:
    """Run one command of `maitred release` under load; print the effect on callers."""
    asked, began = len(crowd.seconds), time.monotonic()
    done = place.maitred("release", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    waited = sorted(crowd.seconds[asked:])
    name = words[3] if len(words) > 3 else words[0]
    print(
        f"{name}: {time.monotonic() - began:.0f} s, {len(waited)} requests, "
        f"p50 {percentile(waited, 0.5) * 1e3:.0f} ms, p99 {percentile(waited, 0.99) * 1e3:.0f} ms, "
        f"longest {waited[-1] * 1e3:.0f} ms, failed so far: {crowd.failed or 'none'}",
        flush=True,
    )


def _calm(crowd: Crowd) -> None:
    asked = len(crowd.seconds)
    time.sleep(10)
    waited = sorted(crowd.seconds[asked:])
    p50, p99 = (percentile(waited, share) * 1e3 for share in (0.5, 0.99))
    print(f"no release: p50 {p50:.0f} ms, p99 {p99:.0f} ms")


def main(arguments: Sequence[str]) -> int:
    """Run the releases; return 1 when a request failed."""
    wanted = int(arguments[0]) if arguments else 20_000
    with tempfile.TemporaryDirectory() as folder:
        # The bench's own engine reads settings; Maitred's processes get theirs from the machine.
        os.environ.update(environment(Path(folder), database_url="sqlite:////proc/nowhere"))
        database = MariaDB(Path(folder) / "mariadb", durable=True)
        database.start()
        try:
            with machine(Path(folder) / "machine", database) as place:
                return _play(place, wanted)
        finally:
            database.kill()


def _play(place: Machine, wanted: int) -> int:
    versions = [place.version("one"), place.version("two", copied=("models",))]
    add_step(versions[1], GOOD_STEP)  # each release has one migration
    first = place.maitred("release", "start", versions[0])
    assert first.returncode == 0, first.stdout + first.stderr
    with Crowd(place, callers=CALLERS, rate=RATE) as crowd:
        _calm(crowd)
        folders = cycle(reversed(versions))
        while sum(crowd.outcomes.values()) < wanted:
            for strategy in ("blue-green", "rolling", "canary"):
                _do(place, crowd, "start", next(folders), "--strategy", strategy)
            _do(place, crowd, "rollback")
            next(folders)
    print(f"outcomes: {dict(crowd.outcomes)}; the machine stood still: {crowd.stalls or 'never'}")
    in_order(place, seconds=900)
    print(f"{len(place.accepted)} acknowledged: there, decided, and told once")
    if not crowd.failed:
        asked = f"{sum(crowd.outcomes.values()):,} requests, 0 failed"
        for line in ("rolling", "canary", "blue-green", "rollback", "upgrade"):
            program = f"python -m tests.bench.release {wanted}"
            plan.prove(line=line, target="hosts", how="seen", figure=asked, by=program)
    return 1 if crowd.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
