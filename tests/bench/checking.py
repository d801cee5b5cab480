"""How long `maitred check` takes: `python -m tests.bench.checking [ROWS]`, on MariaDB.

Beside the seconds stands a ratio, which another machine has too: to reading the same rows once and
doing nothing with them.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import text

from models.core import clock
from models.core.db import engine
from models.core.lines import patience
from models.entities import Assignment, Message, Reservation, ReservationMove, TableOccupancy
from models.queries.integrity import findings_at_once
from tests.bench.ground import BIN, Ground, ground
from tests.drill.million import fill

#: What docs/benchmarks.md promises, for so many reservations.
PROMISED = {300_000: 30.0, 1_000_000: 120.0}
_READ = (Reservation, ReservationMove, Message, Assignment, TableOccupancy)
_SERVER = ("--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=1G")


def main(arguments: Sequence[str]) -> int:
    """Fill, read, check; 1 when a house in order is called otherwise, or a promise is broken."""
    rows = int(arguments[0]) if arguments else 300_000
    with patience(), ground(server=_SERVER) as bench:
        os.environ.update(bench.env)
        bench.database.new_database("bench")
        subprocess.run([BIN / "maitred", "migrate"], env=bench.env, check=True, capture_output=True)
        print(f"filled with {rows:,} reservations in {_timed(lambda: fill(engine(), rows)):.1f} s")
        read = _measured(bench, _read_all)
        print(f"every row read once, by one process: {read}")
        found: list[object] = []
        for processes, only_first in ((1, False), (2, False), (2, True)):
            work = partial(_check, found, processes, only_first)
            took = _measured(bench, work)
            what = "before a hand-over" if only_first else "all"
            micros = took.cpu / rows * 1e6
            print(
                f"check, {what}, {processes} processes: {took}, {took.cpu / read.cpu:.1f} x the "
                f"reading; CPU {micros:.0f} us a reservation",
                flush=True,
            )
            promised = PROMISED.get(rows)
            if promised and processes > 1 and took.seconds > promised:
                found.append(f"took {took.seconds:.0f} s; {promised:.0f} s are promised")
        engine().dispose()
    for each in found[:20]:
        print(f"BROKEN: {each}")
    return 1 if found else 0


@dataclass(frozen=True)
class Took:
    """Seconds by the clock, and of all processors: ours, our children's and the database's."""

    seconds: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s (CPU {self.cpu:.1f} s)"


def _measured(bench: Ground, work: Callable[[], object]) -> Took:
    def cpu() -> float:
        return sum(os.times()[:4]) + bench.cpu()["mariadb"]

    before = cpu()
    return Took(_timed(work), cpu() - before)


def _check(found: list[object], processes: int, only_first: bool) -> None:
    now = clock.now()
    found += findings_at_once(
        now=now, grace_seconds=600, processes=processes, only_first=only_first
    )


def _read_all() -> None:
    with engine().connect() as connection:
        for entity in _READ:
            rows = connection.execution_options(stream_results=True).execute(
                text(f"SELECT * FROM {entity.__tablename__}")
            )
            for _ in rows.partitions(5_000):
                pass


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
