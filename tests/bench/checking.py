"""How long `maitred check` takes: `python -m tests.bench.checking [ROWS]`, on MariaDB.

Beside the seconds it prints a ratio that does not depend on the machine: to reading the same rows
once without processing. Processor time includes all processes and the database; memory is the peak
of the check's processes together.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread
from typing import Final

import psutil
from sqlalchemy import text

from models.core import clock
from models.core.database.connections import patience
from models.core.database.transactions import engine
from models.entities import Assignment, Message, Reservation, ReservationMove, TableOccupancy
from models.integrity.check import findings_at_once
from tests.bench.ground import BIN, Ground, ground
from tests.drill.million import fill

#: Seconds promised by docs/benchmarks.md, by the number of reservations.
PROMISED = {300_000: 30.0, 1_000_000: 120.0}
_LOOK_SECONDS: Final = 0.2
_READ = (Reservation, ReservationMove, Message, Assignment, TableOccupancy)
_SERVER = ("--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=1G")


def main(arguments: Sequence[str]) -> int:
    """Fill, read, check; return 1 for a false finding or a broken promise."""
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
    """Wall clock seconds, and CPU seconds of this process, its children and the database.

    `megabytes`: the peak memory of this process and its children, without the servers.
    """

    seconds: float
    cpu: float
    megabytes: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s (CPU {self.cpu:.1f} s, {self.megabytes:.0f} MB)"


def _measured(bench: Ground, work: Callable[[], object]) -> Took:
    def cpu() -> float:
        return sum(os.times()[:4]) + bench.cpu()["mariadb"]

    held, end = [0.0], Event()
    servers = {bench.database.pid, bench.redis._process.pid}
    watch = Thread(target=_watch, args=(held, end, servers))
    watch.start()
    before = cpu()
    try:
        seconds = _timed(work)
    finally:
        end.set()
        watch.join()
    return Took(seconds, cpu() - before, max(held) / 1e6)


def _watch(held: list[float], end: Event, servers: set[int]) -> None:
    """Sample the memory of the check's processes together."""
    own = psutil.Process()
    while not end.wait(_LOOK_SECONDS):
        family = [own, *own.children(recursive=True)]
        held.append(sum(_held(each) for each in family if each.pid not in servers))


def _held(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0.0


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
