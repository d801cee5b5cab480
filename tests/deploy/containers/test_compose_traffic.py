"""Several web processes and a link: routing of traffic, and draining."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import compose_traffic as traffic
from tests.architecture.tree import ROOT
from tests.services.running.process import wait_until

#: A fake web process: answers /readyz with a given status, and /metrics with fixed counts.
ANSWERS = """
import os, socket, sys
line = socket.socket(socket.AF_UNIX)
line.bind(os.environ["GRANIAN_UDS"])
line.listen()
counted = '''
maitred_http_requests_total{method="GET",route="/healthz",status="200"} 3.0
maitred_http_requests_total{method="HEAD",route="/healthz",status="200"} 1.0
maitred_http_requests_total{method="GET",route="/api",status="503"} 2.0
maitred_http_requests_total{method="GET",route="/api",status="200"} 50.0
'''
while True:
    asked, _ = line.accept()
    words = asked.recv(4096).split()
    is_metrics = b"/metrics" in words
    status, text = (200, counted) if is_metrics else (int(sys.argv[1]), "as it is")
    if words:
        asked.sendall(f"HTTP/1.0 {status} X\\r\\n\\r\\n{text}".encode())
    asked.close()
"""


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the sockets; short, because a socket's path may have at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="web") as folder:
        monkeypatch.setenv("WEB_SOCKETS", folder)
        yield Path(folder)


def serving(place: Path, status: int = 200, **env: str) -> subprocess.Popen[bytes]:
    """Start a web process for this host name."""
    argv = [sys.executable, "-m", "deploy.live", "serve", sys.executable, "-c", ANSWERS]
    known = {"WEB_SOCKETS": str(place), "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    process = subprocess.Popen([*argv, str(status)], env=known | env)
    wait_until(lambda: traffic.listens(traffic.own()), seconds=30, what="a web process")
    return process


def another(place: Path, name: str = "another") -> socket.socket:
    """Listen on the socket of another container."""
    line = socket.socket(socket.AF_UNIX)
    line.bind(str(place / name))
    line.listen()
    return line


def test_the_first_one_is_led_to_and_its_counts_begin_anew(place: Path, tmp_path: Path) -> None:
    (place / traffic.LINK).symlink_to("one-that-is-gone")
    traffic.own().touch()  # left by this container when it was killed
    counts = tmp_path / "metrics"
    counts.mkdir()
    (counts / "counter_7.db").touch()
    process = serving(place, METRICS_DIR=str(counts))
    try:
        assert (place / traffic.LINK).readlink() == Path(traffic.own().name)
        assert list(counts.iterdir()) == []
        assert traffic.own().stat().st_mode & 0o777 != 0
    finally:
        process.kill()
        process.wait()


def test_sockets_of_containers_that_are_gone_are_removed_and_no_other(place: Path) -> None:
    with another(place, "lives"), another(place, "just-made"), another(place, "full") as full:
        full.listen(0)
        with socket.socket(socket.AF_UNIX) as waits:
            waits.connect(str(place / "full"))
            another(place, "gone").close()
            another(place, "young").close()
            (place / "a-file").touch()
            for name in ("lives", "gone", "full"):
                os.utime(place / name, (0, 0))
            process = serving(place)
            try:
                assert {path.name for path in place.iterdir()} == {
                    traffic.LINK, traffic.own().name,
                    "lives", "just-made", "full", "young", "a-file",
                }  # fmt: skip
            finally:
                process.kill()
                process.wait()


def test_the_next_one_waits_until_it_is_turned_to(place: Path) -> None:
    with another(place):
        (place / traffic.LINK).symlink_to("another")
        process = serving(place)
        try:
            assert (place / traffic.LINK).readlink() == Path("another")
            traffic.turn()
            assert (place / traffic.LINK).readlink() == Path(traffic.own().name)
            assert {path.name for path in place.iterdir()} == {
                traffic.LINK, "another", traffic.own().name,
            }  # fmt: skip
        finally:
            process.kill()
            process.wait()


def test_no_caller_finds_no_link_while_it_is_turned(place: Path) -> None:
    ended, missed = threading.Event(), list[int]()

    def look() -> None:
        while not ended.is_set():
            missed.extend([] if (place / traffic.LINK).exists() else [1])

    with another(place), another(place, traffic.own().name):
        (place / traffic.LINK).symlink_to("another")
        looking = threading.Thread(target=look)
        looking.start()
        for _ in range(200):
            traffic.turn()
        ended.set()
        looking.join()
    assert missed == []


@pytest.mark.parametrize(("status", "says"), [(200, None), (503, "/readyz: 503")])
def test_it_is_well_when_its_own_readyz_says_so(place: Path, status: int, says: str | None) -> None:
    with pytest.raises(SystemExit, match="does not answer"):
        traffic.check()
    process = serving(place, status)
    try:
        if says is None:
            traffic.check()
        else:
            with pytest.raises(SystemExit, match=says):
                traffic.check()
    finally:
        process.kill()
        process.wait()


def test_what_it_answered_is_counted(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    process = serving(place)
    try:
        traffic.main(["answered"])
        traffic.main(["failed"])
    finally:
        process.kill()
        process.wait()
    assert capsys.readouterr().out.split() == ["4", "2"]


def test_it_drains_when_the_last_caller_is_gone_and_counts_those_that_stay(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "DRAIN_SECONDS", 0.3)
    with another(place, traffic.own().name) as line:
        (place / traffic.LINK).symlink_to(traffic.own().name)
        traffic.drain()
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(place / traffic.LINK))  # like nginx: by the link, not yet accepted
            with pytest.raises(SystemExit, match="1 connections are still open"):
                traffic.drain()
            line.accept()[0].close()
        traffic.drain()


def test_a_word_that_is_none_is_answered_with_the_words_that_are(place: Path) -> None:
    for words in ([], ["turn", "left"], ["nothing"], ["serve"]):
        with pytest.raises(SystemExit, match=r"deploy\.live drain"):
            traffic.main(words)
