"""docs/deploy/compose.md typed on a Docker engine, under load: nothing is lost."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from deploy.smoke import NOBODY
from tests.architecture.tree import ROOT
from tests.rehearsal.page import Page
from tests.rehearsal.releases import BESIDE, nothing_is_lost_while_versions_come_and_go
from tests.rehearsal.site import Callers, Site, site
from tests.services import plan
from tests.services.missing import go_without, require_program
from tests.services.running.process import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

PROTOCOL = ROOT / "build" / "rehearsal.json"
AWAY_SECONDS = 300
#: The plan's bounds.
LOST_SECONDS, BACK_SECONDS = 300, 900


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation that was never started; prints and writes the protocol afterwards."""
    if os.geteuid() != 0:
        go_without("root (a Docker engine)")
    for program in ("runc", "ip", "nsenter", "iptables", "mariadbd", "redis-server", "nginx"):
        require_program(program)
    with site(tmp_path_factory.mktemp("r")) as made:
        try:
            yield made
        finally:
            PROTOCOL.parent.mkdir(exist_ok=True)
            PROTOCOL.write_text(json.dumps(made.protocol, indent=1) + "\n", encoding="utf-8")
            print("", *map(json.dumps, made.protocol), sep="\n")


def test_the_installation_lives_as_its_page_says(place: Site) -> None:
    page = Page()
    acts: tuple[Callable[[Site, Page], dict[str, object]], ...] = (
        first_start,
        nothing_is_lost_while_versions_come_and_go,
        started_again,
        the_log_is_not_kept,
        the_database_is_away,
        backed_up,
        restored,
        on_another_machine,
        another_certificate,
    )
    for act in acts:
        began = time.monotonic()
        counted = act(place, page)
        took = round(time.monotonic() - began)
        place.protocol.append({"what": act.__name__.replace("_", " "), "seconds": took} | counted)
    assert page.left == {}, "on the page, and not executed here"


def first_start(place: Site, page: Page) -> dict[str, object]:
    """Two commands and a restaurant; then nothing is overdue or degraded."""
    page.type(place, "First start", 3)
    place.await_ready()
    page.type(place, "First start")
    assert "confirmed" in place.reserve()
    seen("first-start", "tls", "health", figure="a table by the smoke test, through nginx")
    return {
        "containers": sum(map(len, place.images().values())),
        "database": place.database(),
        "compose": place.compose("version", "--short").strip(),
        "engine": place.must("docker", "version", "-f", "{{.Server.Version}}").strip(),
    }


def started_again(place: Site, _page: Page) -> dict[str, object]:
    """`docker compose up` keeps the upgrade's state; a restarted web is healthy."""
    before = place.compose("ps", "--quiet", *BESIDE)
    place.compose("up", "--detach")
    assert place.compose("ps", "--quiet", *BESIDE) == before
    # runc before 1.1.8 forgets the mode of a tmpfs here
    place.compose("restart", "web")
    place.await_ready()
    assert "confirmed" in place.reserve()
    return {"runc": place.must("runc", "--version").splitlines()[0]}


def the_log_is_not_kept(place: Site, _page: Page) -> dict[str, object]:
    """Without its log follower the installation reports within minutes that it is degraded."""
    place.compose("stop", "follower")
    began = time.monotonic()

    def late() -> list[str]:
        said = place.health()["health"]
        return [job["name"] for job in said["jobs"] if job["is_late"]] if said else []

    wait_until(lambda: late() == ["log"], seconds=240, what="the log is late", every=2)
    assert place.health()["status"] == "degraded"
    noticed = round(time.monotonic() - began)
    place.compose("start", "follower")
    place.await_ready()
    return {"degraded_after": noticed}


def the_database_is_away(place: Site, _page: Page) -> dict[str, object]:
    """For five minutes: no process ends, no worker counts as stuck, and work continues after."""
    place.compose("stop", "mysql")
    ends = time.monotonic() + AWAY_SECONDS
    while time.monotonic() < ends:
        states = place.states()
        for name in BESIDE:
            assert states[name].startswith("running 0 "), (name, states[name])
            assert name == "web" or "unhealthy" not in states[name], (name, states[name])
        time.sleep(10)
    place.compose("up", "--detach", "--wait", "mysql")
    place.await_ready()
    assert "confirmed" in place.reserve()
    place.maitred("web", "check")
    seen("database-away", figure=f"{AWAY_SECONDS} s, no process ended")
    return {"away_seconds": AWAY_SECONDS}


def backed_up(place: Site, page: Page) -> dict[str, object]:
    """A manual backup, the drill, a copy of the keys, the account made again."""
    said = page.type(place, "Backups", 3)
    back = re.search(r"restored and checked in (\S+) s", said)
    assert back
    place.maitred("worker-maintenance", "guest", "erase", NOBODY)
    page.type(place, "Backups")
    assert (place.folder / "kept-keys" / "keyset.json").exists()
    seen("backup-full", "backup-drilled", figure=f"back and proved in {back[1]} s")
    return {"drill_seconds": float(back[1])}


def restored(place: Site, page: Page) -> dict[str, object]:
    """Killed during reservations, and its volume removed: accepted requests are restored."""
    with Callers(place, 29) as callers:
        callers.await_requests(1000)
    accepted = set(callers.report["accepted"])
    place.compose("kill", "mysql")
    fell, began = datetime.now(UTC), time.monotonic()
    said = page.type(place, "Restore", 8)
    back = round(time.monotonic() - began)
    place.await_ready()
    page.type(place, "Restore", 1)
    until = re.search(r"this is the state of (\S+)", said)
    assert until
    assert "1 erasures: " in said
    seconds = (fell - datetime.fromisoformat(until[1])).total_seconds()
    lost = len(accepted - place.ids())
    assert seconds < LOST_SECONDS
    assert back < BACK_SECONDS
    assert "confirmed" in place.reserve()
    figure = f"{lost} of {len(accepted)} lost, to {max(seconds, 0):.1f} s before the fall"
    seen("recovery-point", "backup-log", figure=figure)
    seen("recovery-time", "backup-restored", figure=f"{back} s by the page's commands")
    return {"accepted": len(accepted), "lost": lost, "until_before_fall": seconds, "back": back}


def on_another_machine(place: Site, page: Page) -> dict[str, object]:
    """Without a container and without the guests' keys, which are restored from their copy."""
    place.compose("down")
    place.must("docker", "volume", "rm", "maitred_keys")
    page.type(place, "Restore")
    place.compose("up", "--detach")
    place.await_ready()
    # decrypts every guest
    place.maitred("worker-backups", "backup", "drill")
    return {}


def another_certificate(place: Site, page: Page) -> dict[str, object]:
    """nginx serves the new certificate, and guests are answered."""
    place.must("sh", "deploy/secrets.sh", "new")
    new = (place.folder / "new" / "fullchain.pem").read_text(encoding="utf-8")
    page.type(place, "The certificate")
    argv = place.inside("nginx", "openssl", "s_client", "-connect", "127.0.0.1:443")
    shown = f"{' '.join(argv)} -servername localhost </dev/null 2>/dev/null | openssl x509"
    wait_until(
        lambda: place.must("sh", "-c", shown).strip() == new.strip(),
        seconds=30, what="the new certificate", every=1,
    )  # fmt: skip
    assert "confirmed" in place.reserve()
    seen("certificates", figure="replaced while it serves")
    return {}


def seen(*lines: str, figure: str) -> None:
    """Record evidence for these lines of the plan for compose."""
    for line in lines:
        plan.prove(line=line, target="compose", how="seen", figure=figure)
