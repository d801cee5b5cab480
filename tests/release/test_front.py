"""A release completes only when guests get its answers through nginx."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.release.restaurant import Machine, answers, machine
from tests.services.running.process import wait_until
from tests.services.servers.mariadb import MariaDB

pytestmark = [pytest.mark.mariadb, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def place(mariadb: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with nginx in front, and no version yet."""
    with machine(tmp_path_factory.mktemp("f"), mariadb) as made:
        yield made


@pytest.mark.slow
def test_a_first_release_whose_sockets_nginx_cannot_open_is_taken_back(place: Machine) -> None:
    sockets, elsewhere = place.env["RELEASE_SOCKETS"], place.folder / "elsewhere"
    version = place.version("first")
    # a missing socket has the same effect on nginx as one that it may not open
    place.env["RELEASE_SOCKETS"] = str(elsewhere)
    refused = place.maitred("release", "start", version)
    assert refused.returncode == 1
    assert "switch: nginx returned 502: can its workers open the sockets" in refused.stderr
    assert "rolled back after" in refused.stdout
    assert not _is_live(place)
    place.env["RELEASE_SOCKETS"] = sockets
    done = place.maitred("release", "start", version)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "check through nginx" in done.stdout
    assert _is_live(place)
    _the_web_process_is_killed(place)


def _the_web_process_is_killed(place: Machine) -> None:
    """Its socket file remains, and the next web process listens all the same."""
    (keeper,) = (
        psutil.Process(int(path.read_text(encoding="utf-8")))
        for path in Path(place.env["RELEASE_FOLDER"]).glob("blue.pid")
    )
    (web,) = (each for each in keeper.children() if "granian" in " ".join(each.cmdline()))
    web.kill()
    wait_until(lambda: not web.is_running(), seconds=10, what="it is gone")
    wait_until(lambda: answers(place), seconds=60, what="nginx leads to another web process")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("RELEASE_FRONT", "https://127.0.0.1:1", "does not answer as book.example.com"),
        # a certificate that browsers would reject is not accepted
        ("SSL_CERT_FILE", "/dev/null", "CERTIFICATE_VERIFY_FAILED"),
        ("PUBLIC_URL", "https://other.example.com", "does not answer as other.example.com"),
    ],
)
def test_without_a_way_in_nothing_is_begun(
    place: Machine, tmp_path: Path, name: str, value: str, says: str
) -> None:
    before = place.env[name]
    place.env[name] = value
    try:
        refused = place.maitred("release", "start", place.version(f"without-{name}"))
    finally:
        place.env[name] = before
    assert refused.returncode == 1
    assert "check: " in refused.stderr
    assert says in refused.stderr
    assert "back up" not in refused.stdout


def _is_live(place: Machine) -> bool:
    return "live" in place.maitred("release", "list").stdout
