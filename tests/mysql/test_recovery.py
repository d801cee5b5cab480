"""Losing a MySQL server: the commits lost, and the time until it is restored."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

import pytest
from sqlalchemy import Engine, create_engine, text

from tasks.backups.log.pieces import spans
from tasks.backups.stores.safe import Safe
from tests.backups.log.conftest import wait_for
from tests.deploy.cli.test_cli import run
from tests.services import plan
from tests.services.running.stand import Stand
from tests.services.servers.mysql import MySQL

pytestmark = pytest.mark.mariadb

#: The promised limits.
LOST_SECONDS, BACK_SECONDS = 5 * 60, 15 * 60
#: The only grants of the backups' account.
ACCOUNT = (
    "CREATE USER 'backup'@'127.0.0.1' IDENTIFIED BY 'only-for-tests'",
    "GRANT RELOAD, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'backup'@'127.0.0.1'",
    "GRANT SELECT, LOCK TABLES, SHOW VIEW, TRIGGER ON logged.* TO 'backup'@'127.0.0.1'",
)


@pytest.fixture
def backup_url(server: MySQL) -> str:
    """The URL of the account that docs/recovery.md requires."""
    server.run("DROP USER IF EXISTS 'backup'@'127.0.0.1'", *ACCOUNT)
    return server.url("logged").replace("maitred:", "backup:", 1)


def test_a_server_that_is_gone_for_good_costs_seconds_and_is_back_in_minutes(
    stand: Stand,
    safe: Safe,
    server: MySQL,
    backup_url: str,
    settled: Callable[[str], Safe],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.run(
        "DROP TABLE IF EXISTS ledger",
        "CREATE TABLE ledger (id INT PRIMARY KEY, at DATETIME(6))",
        database="logged",
    )
    monkeypatch.setenv("BACKUP_URL", backup_url)
    settled(server.url("logged"))
    follower = subprocess.Popen(
        [sys.executable, "-m", "deploy.cli", "follow"],
        env=os.environ | {"LOG_SPOOL": str(tmp_path / "spool")},
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: bool(spans(safe.store)))
        run("backup", "create")
        acknowledged = _work_until_it_falls(stand, server)
        fell = datetime.now(UTC)
    finally:
        follower.kill()  # with its machine, as the server with its own
        follower.wait()
    began = monotonic()
    new = MySQL(tmp_path / "new", durable=True)
    new.start()
    try:
        url = new.new_database("brought_back")
        run("backup", "restore", "--to-url", url)
        seconds = monotonic() - began
        lost = _lost(url, acknowledged)
    finally:
        new.kill()
        server.start()
        server.run("DROP TABLE ledger", database="logged")
    since = (fell - min(acknowledged[number] for number in lost)).total_seconds() if lost else 0.0
    print(
        f"\nMySQL killed with its follower: of {len(acknowledged)} acknowledged commits"
        f" {len(lost)} lost, the oldest {since:.1f} s before the fall;"
        f" restored into a new server, and proved, in {seconds:.1f} s"
    )
    assert len(acknowledged) > 50
    assert since < LOST_SECONDS
    assert seconds < BACK_SECONDS
    assert len(lost) < len(acknowledged) / 2
    point = f"MySQL: {since:.1f} s of commits lost of {len(acknowledged)} commits"
    plan.prove(line="recovery-point", target="hosts", how="seen", figure=point)
    plan.prove(
        line="recovery-time",
        target="hosts",
        how="seen",
        figure=f"MySQL: restored and checked in {seconds:.1f} s",
    )


def _work_until_it_falls(stand: Stand, server: MySQL) -> dict[int, datetime]:
    """Request tables and write rows for some seconds; return the time of each row's commit."""
    acknowledged: dict[int, datetime] = {}

    def write() -> None:
        bind = create_engine(server.url("logged"))
        try:
            for number in range(1_000_000):
                with bind.begin() as connection:
                    insert = text("INSERT INTO ledger VALUES (:id, NOW(6))")
                    connection.execute(insert, {"id": number})
                acknowledged[number] = datetime.now(UTC)
                sleep(0.01)
        except Exception:  # the server was killed
            bind.dispose()

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(8):
        stand.ask(2)
    wait_for(lambda: len(acknowledged) > 500)
    server.kill()
    writer.join()
    return acknowledged


def _lost(url: str, acknowledged: dict[int, datetime]) -> list[int]:
    bind: Engine = create_engine(url)
    with bind.connect() as connection:
        there = set(connection.execute(text("SELECT id FROM ledger")).scalars())
    bind.dispose()
    return sorted(acknowledged.keys() - there)
