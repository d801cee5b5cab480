"""The supervisor's children end with it, however it ends."""

import os
import re
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.embedded.folder import AlreadyRunning, VarFolder, join
from deploy.embedded.supervisor import Supervisor
from tests.architecture.tree import ROOT
from tests.services.ports import free_port
from tests.services.running.process import Process, wait_until

DEAF = (
    "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
)
#: A supervisor with two children that prints their pids and waits.
SCRIPT = """
import os, sys
from pathlib import Path
from deploy.embedded.supervisor import Supervisor
family = Supervisor(Path(sys.argv[1]), listener=print, foundations=frozenset({"base"}))
family.handle_signals()
for name in ("base", "other"):
    family.start(name, "sleep 600", env=os.environ)
print("pids", *(child._process.pid for child in family._children), "end", flush=True)
exited = family.watch()
family.stop()
sys.exit(3 if exited else 0)
"""


@pytest.fixture
def restaurant(tmp_path: Path) -> Iterator[VarFolder]:
    """A locked var folder."""
    taken = VarFolder(tmp_path / "var")
    taken.take()
    yield taken
    taken.leave()


@pytest.fixture
def family(tmp_path: Path) -> tuple[Process, list[int]]:
    """A supervisor in its own process, and its children's pids."""
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    argv = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    process = Process("family", argv, log=tmp_path / "family.log", env=env)
    process.start()
    process.wait_ready(lambda: re.search(r"pids \d+ \d+ end", process.tail()))
    return process, [int(pid) for pid in re.findall(r"\d+", process.tail())]


def gone(pids: list[int]) -> bool:
    return not any(
        psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids
    )


def test_a_signal_ends_all_cleanly(family: tuple[Process, list[int]]) -> None:
    process, pids = family
    assert not gone(pids)
    process.terminate()
    assert process.exit_code == 0
    assert gone(pids)


def test_the_end_of_one_ends_all(family: tuple[Process, list[int]]) -> None:
    process, pids = family
    psutil.Process(pids[1]).kill()
    wait_until(lambda: not process.is_running, seconds=10, what="the supervisor's end")
    assert process.exit_code == 3
    assert gone(pids)


def test_a_killed_supervisor_leaves_no_orphans(family: tuple[Process, list[int]]) -> None:
    process, pids = family
    psutil.Process(process.pid).kill()
    wait_until(lambda: gone(pids), seconds=5, what="no orphans")


def test_the_foundations_are_ended_last(tmp_path: Path) -> None:
    heard: list[tuple[str, str]] = []
    children = Supervisor(
        tmp_path, listener=lambda *said: heard.append(said), foundations=frozenset({"base"})
    )
    say = 'echo {0} open; trap "echo {0} closed; exit" TERM; while :; do sleep 0.05; done'
    for name in ("base", "first", "second"):
        children.start(name, f"/bin/sh -c '{say.format(name)}'", env={"PATH": "/usr/bin:/bin"})
    wait_until(lambda: len(heard) == 3, seconds=10, what="all open")
    children.stop()
    closed = [name for name, line in heard if line.endswith("closed")]
    assert sorted(closed[:2]) == ["first", "second"]
    assert closed[2:] == ["base"]
    assert "first closed" in (tmp_path / "first.log").read_text(encoding="utf-8")


def test_a_second_signal_kills_a_process_that_ignores_the_first(tmp_path: Path) -> None:
    heard: list[str] = []
    children = Supervisor(
        tmp_path, listener=lambda _name, line: heard.append(line), foundations=frozenset()
    )
    children.start("deaf", f"{sys.executable} -c '{DEAF}'", env={"PATH": "/usr/bin:/bin"})
    wait_until(lambda: heard, seconds=10, what="it runs")
    children.stop_requests = 1
    timer = threading.Timer(0.5, lambda: setattr(children, "stop_requests", 2))
    timer.start()
    children.stop()
    timer.join()
    assert children.exited() is None


def test_a_folder_is_one_restaurant_s(restaurant: VarFolder) -> None:
    restaurant.note_running("http://localhost:8080")
    second = VarFolder(restaurant.folder)
    with pytest.raises(AlreadyRunning, match="http://localhost:8080"):
        second.take()
    restaurant.leave()
    second.take()
    second.leave()


def test_secrets_are_made_once_and_for_nobody_else(restaurant: VarFolder) -> None:
    secret = restaurant.secret("key", length=48)
    assert len(secret) >= 64
    assert VarFolder(restaurant.folder).secret("key") == secret
    assert (restaurant.folder / "secrets" / "key").stat().st_mode & 0o777 == 0o600
    assert (restaurant.folder / "secrets").stat().st_mode & 0o777 == 0o700


def test_nothing_in_the_folder_is_for_others(tmp_path: Path) -> None:
    """Includes files that an earlier release left open, and files written later."""
    folder = tmp_path / "var"
    before = os.umask(0o022)
    try:
        (folder / "mail").mkdir(parents=True)
        (folder / "maitred.db").write_bytes(b"guests")
        (folder / "mail" / "1.eml").write_bytes(b"guests")
        outside = tmp_path / "outside"
        outside.write_bytes(b"theirs")
        (folder / "link").symlink_to(outside)
        taken = VarFolder(folder)
        taken.take()
        (folder / "sms.jsonl").write_bytes(b"guests")
        taken.choose_ports(lambda _said: None)
        taken.leave()
    finally:
        os.umask(before)
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    assert outside.stat().st_mode & 0o777 == 0o644


def test_taken_ports_are_dodged_named_and_remembered(restaurant: VarFolder) -> None:
    said: list[str] = []
    taken = free_port()
    with socket.create_server(("127.0.0.1", taken)):
        (restaurant.folder / "ports.json").write_text(f'{{"web": {taken}}}')
        ports = restaurant.choose_ports(said.append)
    assert ports["web"] != taken
    assert f"Port {taken} (web) is taken; using {ports['web']}." in said
    assert len(set(ports.values())) == 4
    assert restaurant.choose_ports(said.append)["web"] == ports["web"]


def test_other_commands_join_the_restaurant_of_the_folder(
    restaurant: VarFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = restaurant.choose_ports(lambda _said: None)
    monkeypatch.setattr(os, "environ", {"LANG": "C"})
    join(restaurant.folder)
    assert os.environ["DATABASE_URL"].endswith("var/maitred.db")
    assert str(ports["valkey"]) in os.environ["REDIS_URL"]
    monkeypatch.setattr(os, "environ", {"DATABASE_URL": "mysql+mysqldb://elsewhere/x"})
    join(restaurant.folder)
    assert os.environ == {"DATABASE_URL": "mysql+mysqldb://elsewhere/x"}


def test_a_full_disk_under_the_logs_stops_no_child(tmp_path: Path) -> None:
    """A child whose output is not read blocks at its next line."""
    (tmp_path / "chatty.log").symlink_to("/dev/full")
    heard: list[str] = []
    children = Supervisor(
        tmp_path, listener=lambda _name, line: heard.append(line), foundations=frozenset()
    )
    children.start("chatty", "/bin/sh -c 'echo one; echo two'", env={"PATH": "/usr/bin:/bin"})
    wait_until(lambda: heard == ["one", "two"], seconds=10, what="both lines heard")
    children.stop()


def test_what_fell_is_started_again_by_the_same_command(tmp_path: Path) -> None:
    heard: list[str] = []
    children = Supervisor(
        tmp_path, listener=lambda _name, line: heard.append(line), foundations=frozenset()
    )
    children.start("brief", "/bin/sh -c 'echo $WORD'", env={"PATH": "/usr/bin:/bin", "WORD": "hi"})
    wait_until(children.exited, seconds=10, what="it ended")
    children.restart("brief")
    wait_until(lambda: heard == ["hi", "hi"], seconds=10, what="it ran twice")
    wait_until(children.exited, seconds=10, what="it ended again")
    children.forget("brief")
    assert children.exited() is None
