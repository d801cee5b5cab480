"""Destroy the installation, restore it by the page's commands, and print the cost.

`python -m tests.drill [ROWS] [RATE]`: a MariaDB with ROWS reservations (4,000 at least), under a
constant load of RATE requests a second. Exits with 1 when a promise of docs/recovery.md was broken,
or when work or findings are left after the last disaster.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, NullPool, create_engine, text

from models.core.database.transactions import engine
from tasks.backups.manifest import PIECE
from tests.bench import restaurants as made
from tests.bench.ground import BIN, Ground, ground, settle
from tests.bench.load import percentile
from tests.drill.guests import Guests
from tests.drill.million import EACH, fill
from tests.services import plan
from tests.services.running.process import wait_until
from tests.services.servers.mariadb import MariaDB

#: Promise of docs/recovery.md, in seconds.
SERVING_SECONDS: Final = 120.0
LOST_SECONDS: Final = 10.0
#: Seconds of load alone between two events.
CALM_SECONDS: Final = 8.0
#: The most that the log's follower is behind on a busy machine.
FOLLOWED_SECONDS: Final = 3.0
SENDING: Final = "SELECT COUNT(*) FROM messages WHERE state = 'sending'"
WAITS: Final = (
    "SELECT (SELECT COUNT(*) FROM reservations WHERE status = 'requested') + (SELECT COUNT(*) "
    "FROM messages WHERE state = 'sending' OR (state = 'queued' AND due_at <= UTC_TIMESTAMP(6)))"
)
#: As in the Procfile, without backups: the drill makes those itself.
WORKERS: Final = {"allocation": ("allocation",), "messages": ("messages", "maintenance")}
#: Limit for finishing what the disasters left, without new requests.
REST_SECONDS: Final = 300.0
#: Work may wait that long at the end: what became due just now.
GRACE_SECONDS: Final = 30
#: options of a server for a database of this size
SERVER: Final = (
    "--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1", "--log-bin=binlog", "--server-id=1",
    "--innodb-buffer-pool-size=1G", "--innodb-log-file-size=256M",
)  # fmt: skip


@dataclass
class Drill:
    """The installation under load, and the broken promises."""

    bench: Ground
    guests: Guests
    broken: list[str]
    proved: list[tuple[str, str]] = field(default_factory=list)

    def run(self, *words: str, may_fail: bool = False) -> str:
        """Run one command of the page; print its seconds and last lines (all findings of a check).

        A failure counts as broken unless `may_fail`.
        """
        began = time.time()
        done = subprocess.run(
            [BIN / "maitred", *words], env=self.bench.env, capture_output=True, text=True,
            check=False, timeout=1800,
        )  # fmt: skip
        said = (done.stdout + done.stderr).strip()
        print(f"    maitred {' '.join(words)}: {time.time() - began:.1f} s")
        lines = [each for each in said.splitlines() if not each.startswith("ok ")]
        is_check = words[0] == "check"
        for line in lines if is_check else [each[:160] for each in lines[-8:]]:
            print(f"        {line}", flush=True)
        if done.returncode and not may_fail:
            self.broken.append(f"maitred {' '.join(words[:2])} failed")
        return said

    def expect(self, is_so: bool, what: str) -> None:
        """Record a promise that was broken."""
        if not is_so:
            self.broken.append(what)
            print(f"    BROKEN: {what}")

    def beside(self, what: str, work: Callable[[], object]) -> None:
        """Work under load, and print the effect on guests."""
        before = time.time()
        time.sleep(CALM_SECONDS)
        began = time.time()
        work()
        ended = time.time()
        calm, meanwhile = self.guests.waited(before, began), self.guests.waited(began, ended)
        print(
            f"  {what}: {ended - began:.1f} s; POST p99 {percentile(meanwhile, 0.99) * 1e3:.0f} ms "
            f"(before {percentile(calm, 0.99) * 1e3:.0f}), longest gap between two acknowledged "
            f"{self.guests.longest_gap(began, ended) * 1e3:.0f} ms "
            f"(before {self.guests.longest_gap(before, began) * 1e3:.0f})"
        )


def lose(drill: Drill, name: str, restore: Callable[[Path], None], *, more: bool = False) -> None:
    """Kill the server, delete its data, restore into a new one, and count the losses.

    The server fails while a mail is being sent. `more`: Redis and the worker that sends it fail
    too.
    """
    bench, old = drill.bench, drill.bench.database
    print(f"{name}:")
    time.sleep(CALM_SECONDS)
    new = MariaDB(Path(tempfile.mkdtemp(dir=bench.folder)), options=SERVER)
    new.port = old.port
    _wait_for_a_send(bench)
    fell = time.time()
    old.kill()
    shutil.rmtree(old.folder)
    if more:
        bench.processes["messages"].kill()
        bench.redis.kill()
        bench.redis.start()  # it is empty
    bench.mailbox.release()
    restore(new.folder / "data")
    new.start()
    bench.database = new
    print(f"  on their way when it fell: {_count(bench, SENDING)} messages")
    if more:
        bench.processes["messages"].start()
    ends = time.time() + 60
    while not drill.guests.first_after(fell + 1) and time.time() < ends:
        time.sleep(0.05)
    serving = drill.guests.first_after(fell + 1) - fell
    print(f"  from SIGKILL to the first reservation acknowledged: {serving:.1f} s")
    drill.proved.append(("recovery-time", f"{name}: serving after {serving:.1f} s"))
    drill.expect(0 < serving < SERVING_SECONDS, f"{name}: serving after {serving:.0f} s")
    time.sleep(CALM_SECONDS)
    _count_lost(drill, name, fell)
    drill.run("migrate")
    drill.run("check", "--grace", "600")
    drill.run("backup", "create", "--full")


def _count_lost(drill: Drill, name: str, fell: float) -> None:
    promised = [(at, reference) for at, reference in drill.guests.ledger if at <= fell]
    with _connected(drill.bench) as connection:
        there = set(connection.scalars(text("SELECT reference FROM reservations")))
    lost = [at for at, reference in promised if reference not in there]
    span = fell - min(lost) if lost else 0.0
    print(f"  acknowledged before: {len(promised)}; lost of them: {len(lost)} of {span:.2f} s")
    drill.proved.append(("recovery-point", f"{name}: {span:.1f} s, {len(lost)} of {len(promised)}"))
    drill.expect(span < LOST_SECONDS, f"{name}: what was acknowledged for {span:.0f} s is lost")


def _wait_for_a_send(bench: Ground) -> None:
    """Wait until the mail server stalls on one mail and the log has followed to its claim."""
    bench.mailbox.clear()
    bench.mailbox.stall_most, bench.mailbox.stall = 1, "after"
    wait_until(lambda: bench.mailbox.stalled > 0, seconds=60, what="a mail on its way")
    settle(FOLLOWED_SECONDS)


def come_to_rest(drill: Drill) -> None:
    """Without new requests, the work that the disasters left is finished, with no findings."""
    print("at rest:")
    began = time.time()
    while (left := _count(drill.bench, WAITS)) and time.time() < began + REST_SECONDS:
        time.sleep(1)
    print(f"  nothing waits any more after {time.time() - began:.0f} s")
    drill.expect(not left, f"{left} requests and messages wait for nothing")
    drill.run("check", "--grace", str(GRACE_SECONDS))


def _count(bench: Ground, query: str) -> int:
    with _connected(bench) as connection:
        return int(connection.scalar(text(query)) or 0)


def _connected(bench: Ground) -> Connection:
    return create_engine(bench.env["DATABASE_URL"], poolclass=NullPool).connect()


def damage_newest(folder: Path) -> str:
    """Flip one bit in the middle of the newest incremental; return its name."""
    piece = max(folder.glob(f"*{PIECE}"), key=lambda path: path.stat().st_mtime)
    content = bytearray(piece.read_bytes())
    content[len(content) // 2] ^= 1
    piece.write_bytes(content)
    return piece.name


def _plain_tool(bench: Ground) -> None:
    """mariadb-backup alone, compressed, not encrypted."""
    target = bench.folder / "plain.xb.zst"
    tool = (
        f"mariadb-backup --no-defaults --backup --stream=xbstream --user=root "
        f"--socket={bench.database.socket} --target-dir={bench.folder} 2>/dev/null "
        f"| zstd -q -T0 -3 -o {target}"
    )
    subprocess.run(["sh", "-c", tool], check=True, timeout=600)
    print(f"    the plain tool's file: {target.stat().st_size / 1e6:.0f} MB")
    target.unlink()


def _restored(drill: Drill, folder: Path) -> None:
    drill.run("backup", "restore", "--into", str(folder))


def _around_damage(drill: Drill, kept: Path, folder: Path) -> None:
    """Restore with a damaged piece: the error names it and an alternative, which is restored."""
    name = damage_newest(kept)
    said = drill.run("backup", "restore", "--into", str(folder), may_fail=True)
    drill.expect(name in said, f"{name} was damaged, and not named")
    drill.expect(not folder.exists(), "half a restore was left")
    way = said[said.index("--from") :].split()[1].rstrip(".;,:)`")
    drill.run("backup", "restore", "--from", way, "--into", str(folder))


def main(arguments: Sequence[str]) -> int:
    """Run the drill; return 1 when a promise was broken."""
    rows = int(arguments[0]) if arguments else 1_000_000
    rate = float(arguments[1]) if len(arguments) > 1 else 20.0
    if rows < 2 * EACH:  # guests request tables of every restaurant but the first
        sys.exit(f"ROWS: {2 * EACH:,} at least, which are two restaurants")
    with ground(server=SERVER) as bench:
        kept = bench.folder / "kept"
        bench.env |= {
            "BACKUP_STORE": str(kept),
            "BACKUP_KEY": "opens-the-backups-of-the-drill-and-nothing-else",
            "LOG_SPOOL": str(bench.folder / "spool"),
        }
        os.environ.update(bench.env)
        bench.database.new_database("bench")  # by the product's migrations
        subprocess.run([BIN / "maitred", "migrate"], env=bench.env, check=True, capture_output=True)
        began = time.time()
        restaurants = fill(engine(), rows)
        engine().dispose()
        size = sum(path.stat().st_size for path in bench.database.folder.rglob("*.ibd")) / 1e6
        print(f"{rows:,} reservations, {size:,.0f} MB, in {time.time() - began:.0f} s", flush=True)
        bench.start_web()
        for name, queues in WORKERS.items():
            bench.start_worker(name, *queues)
        # only the scheduler takes back a message that was being sent when the server was killed
        bench.start("scheduler", sys.executable, "-m", "schedules.entry")
        settle(3)
        guests = Guests(bench.port, made.wishes(restaurants[1:], days=28, label="drill"), rate)
        drill = Drill(bench, guests, [])
        guests.start()
        try:
            _play(drill, kept)
        finally:
            guests.stop()
        drill.expect(not guests.odd, f"answers that were not asked for: {set(guests.odd)}")
        come_to_rest(drill)
    for what in drill.broken:
        print(f"BROKEN: {what}")
    if not drill.broken:
        for line, figure in drill.proved:
            program = f"python -m tests.drill {rows} {rate:g}"
            plan.prove(line=line, target="hosts", how="seen", figure=figure, by=program)
    return 1 if drill.broken else 0


def _play(drill: Drill, kept: Path) -> None:
    bench = drill.bench
    drill.beside("the plain tool", lambda: _plain_tool(bench))
    drill.beside("a full backup", lambda: drill.run("backup", "create", "--full"))
    bench.start("follower", BIN / "maitred", "follow")
    drill.beside("an incremental", lambda: drill.run("backup", "create"))
    lose(drill, "lost, and restored", lambda folder: _restored(drill, folder))
    drill.run("backup", "create")
    lose(
        drill,
        "lost, with the newest incremental damaged, and Redis and the sender gone",
        lambda folder: _around_damage(drill, kept, folder),
        more=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
