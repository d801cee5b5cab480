"""Each command of docs/failover.md is run as written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tests.deploy.cli.test_cli import run
from tests.failover.cut_off import QUICK
from tests.failover.pair import CONFIG, DATABASE, GRANTS, PROMOTIONS, Pair, is_read_only, name_of
from tests.services.pages import Machine, blocks, commands, sections
from tests.services.running.process import Process
from tests.services.running.surroundings import environment
from tests.services.servers.mariadb import PASSWORD, USER, MariaDB

#: this environment's command first, wherever the tests were started
WITH_MAITRED = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

pytestmark = [pytest.mark.slow, pytest.mark.mariadb]
PAGE = sections("failover.md")


def _section(number: int) -> str:
    """The text of section `number`."""
    return next(text for name, text in PAGE.items() if name.startswith(f"{number}. "))


def _commands(number: int) -> list[str]:
    return commands(_section(number))


def _maitred(command: str, *more: str, ends: int = 0) -> str:
    name, *words = command.split()
    assert name == "maitred"
    return run(*words, *more, ends=ends).output


def _seed_anew(server: MariaDB, primary: MariaDB, folder: Path) -> str:
    """Section 5 with the tests' places; returns the position at which the copy ends."""
    backup, prepare, position, _seeded = _commands(5)
    for line, more in (
        (backup, [f"--datadir={primary.folder}/data", f"--socket={primary.socket}", "--user=root"]),
        (prepare, []),
    ):
        name, *words = line.replace("SEED", str(folder)).split()
        argv = [name, "--no-defaults", *words, *more]
        done = subprocess.run(argv, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    cat, file = position.replace("SEED", str(folder)).split()
    assert cat == "cat"
    server.stop()
    shutil.rmtree(server.folder / "data", ignore_errors=True)
    shutil.copytree(folder, server.folder / "data")
    server.start()
    return Path(file).read_text(encoding="ascii").split()[-1]


def test_the_page_is_right(pair: Pair, tmp_path: Path) -> None:
    (look,), (take_over, vouch) = _commands(1), _commands(2)
    rejoin, back = _commands(3)
    *_copying, seeded = _commands(5)
    (watch,) = _commands(6)
    assert "takes writes" in _maitred(look)
    pair.one.kill()
    assert "no server is running there" in _maitred(take_over, *QUICK)
    assert not is_read_only(pair.two)
    # repeated, and with one more confirmation: nothing to do
    assert "nothing to do" in _maitred(vouch, *QUICK)
    # the old one is unusable: seeded anew
    at = _seed_anew(pair.one, pair.two, tmp_path / "seed")
    assert "seed it" in _maitred(rejoin, ends=1)
    assert "has caught up" in _maitred(seeded.replace("GTID", at))
    assert "has caught up" in _maitred(rejoin)
    assert "lost: nothing" in _maitred(back, *QUICK)
    assert not is_read_only(pair.one)
    # tests/failover/test_region_lost.py runs it
    assert watch == "maitred failover watch"


def test_when_two_took_writes_the_page_leads_back_to_one_and_its_replica(
    returned: Pair, tmp_path: Path
) -> None:
    row = f"INSERT INTO {DATABASE}.leases VALUES ('lost', 'x', NOW())"
    returned.one.run(row)
    (*look, fence) = blocks(_section(4), "sql")[0].splitlines() + blocks(_section(4), "sql")[1:]
    (newest, _when) = (line.replace("maitred.", f"{DATABASE}.") for line in look)
    epochs = [server.ask(newest.rstrip(";"))[0][0] for server in (returned.two, returned.one)]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[0] > epochs[1]
    assert fence.strip() == "SET GLOBAL read_only=1;"

    fail_over, compare, lost_for_good = _commands(4)
    # tests/failover/test_old_primary_returns.py runs it
    assert lost_for_good == "maitred failover promote --to HOST:PORT"
    assert "it is read-only now" in _maitred(fail_over, *QUICK)
    old = name_of(returned.one)
    said = _maitred(compare.replace("HOST:PORT", old))
    assert f"{old} holds 1 transactions that {name_of(returned.two)} never had" in said
    assert "leases" in said
    (rejoin, _back), (*_copying, seeded) = _commands(3), _commands(5)
    assert "never had" in _maitred(rejoin, ends=1)
    at = _seed_anew(returned.one, returned.two, tmp_path / "seed")
    assert "has caught up" in _maitred(seeded.replace("GTID", at))
    assert returned.one.ask(f"SELECT name FROM {DATABASE}.leases") == []
    assert "holds nothing that" in _maitred(compare.replace("HOST:PORT", old))


def test_two_servers_that_have_only_what_the_page_says(tmp_path: Path) -> None:
    """From two machines without a database to a replica, a backup with its log, and a drill."""
    servers = [
        MariaDB(tmp_path / name, config=CONFIG, options=[f"--server-id={number}"])
        for number, name in enumerate(("one", "two"), start=1)
    ]
    one, two = servers
    try:
        _set_up(one, two, tmp_path)
    finally:
        for server in servers:
            server.kill()


def _set_up(one: MariaDB, two: MariaDB, folder: Path) -> None:
    one.start()
    one.run(f"DROP USER '{USER}'@'127.0.0.1'")  # the tests' own account may do everything
    (accounts,), (urls,) = blocks(_section(7), "sql"), blocks(_section(7), "ini")
    one.run(*filter(None, map(str.strip, accounts.replace("PASSWORD", PASSWORD).split(";"))))
    places = {"PASSWORD": PASSWORD, "one:3306": name_of(one), "two:3306": name_of(two)}
    said = dict(line.split("=", 1) for line in _with(places, urls).splitlines())
    machine = Machine(
        folder / "machine",
        environment(folder, database_url="")
        | {"BACKUP_STORE": f"{folder}/kept", "BACKUP_KEY": PASSWORD * 4}
        | said,
    )
    begin, migrate, look = _commands(7)
    machine.run(f"{_with(places, begin)}\n{migrate}")
    at = _seed_anew(two, one, folder / "seed")
    *_copying, seeded = _commands(5)
    assert "has caught up" in machine.run(seeded.replace("GTID", at))
    assert "on" in machine.run(look)
    follower = Process(
        "follow",
        ["/bin/sh", "-c", "exec maitred follow"],
        log=folder / "follow.log",
        env={"PATH": WITH_MAITRED, "PYTHONPATH": str(ROOT)},
        cwd=machine.folder,
    )
    follower.start()
    try:
        machine.run("maitred backup create && maitred backup drill")
    finally:
        follower.terminate()


def _with(places: dict[str, str], text: str) -> str:
    for name, place in places.items():
        text = text.replace(name, place)
    return text


def test_the_page_grants_what_the_tests_have() -> None:
    text = " ".join(_section(7).split())
    assert GRANTS in text
    assert f"GRANT {PROMOTIONS} ON maitred.promotions TO 'failover'" in text
