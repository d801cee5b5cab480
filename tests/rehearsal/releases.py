"""Releases on a Docker engine by deploy/upgrade.sh, while strict callers send requests."""

import signal
import subprocess
import time
from collections.abc import Callable

from tests.rehearsal.page import Page
from tests.rehearsal.site import PATIENT, Callers, Site
from tests.release.test_release import GOOD_STEP, add_step
from tests.services import plan
from tests.services.running.process import wait_until

REQUESTS = 20_000
BESIDE = (
    "worker-allocation", "worker-messages", "worker-maintenance", "worker-backups", "follower",
    "scheduler", "web",
)  # fmt: skip


def nothing_is_lost_while_versions_come_and_go(place: Site, page: Page) -> dict[str, object]:
    """Upgrade, settings, a failed one, a killed one, rollback: every request is answered."""
    add_step(place.version("2"), GOOD_STEP)
    broken = place.version("broken") / "web" / "wsgi.py"
    broken.write_text("raise SystemExit('this version does not start')\n", encoding="utf-8")
    acts: tuple[Callable[[Site, Page], None], ...] = (
        upgraded, settings_changed, not_upgraded, killed_and_done_again, rolled_back,
    )  # fmt: skip
    with Callers(place, 8) as callers:
        for act in acts:
            began = time.monotonic()
            act(place, page)
            took = round(time.monotonic() - began)
            said = {"what": act.__name__.replace("_", " "), "seconds": took}
            place.protocol.append(said | {"requests so far": callers.done()})
        callers.await_requests(REQUESTS)
    report = callers.report
    accepted = set(report.pop("accepted"))
    assert report["failed"] == 0, report
    assert report["requests"] >= REQUESTS
    wait_until(
        lambda: not place.ids("status = 'requested'"), seconds=180, what="all decided", every=2
    )
    assert place.ids() >= accepted
    place.maitred("web", "check")
    figure = f"0 of {report['requests']:,} requests failed"
    for line in ("upgrade", "rollback", "blue-green", "backup-before-release"):
        plan.prove(line=line, target="compose", how="seen", figure=figure)
    return report | {"accepted": len(accepted)}


def upgraded(place: Site, page: Page) -> None:
    """Every process runs the new version once, and a backup was made first."""
    before = backups(place)
    print(page.type(place, "Upgrade", 1, image="maitred:2"))
    serves(place, "maitred:2")
    assert backups(place) > before


def settings_changed(place: Site, page: Page) -> None:
    """The processes use the settings of .env, and --rollback restores the previous release."""
    with (place.folder / ".env").open("a", encoding="utf-8") as settings:
        settings.write("LOG_LEVEL=WARNING\n")
    page.type(place, "Upgrade", 1)
    serves(place, "maitred:2")
    for service in ("web", "worker-allocation"):
        assert place.compose("exec", "-T", service, "printenv", "LOG_LEVEL") == "WARNING\n"
    assert "IMAGE_BEFORE=maitred:1\n" in (place.folder / ".env").read_text(encoding="utf-8")


def not_upgraded(place: Site, _page: Page) -> None:
    """A version that does not start: the previous one keeps serving, and the script reports it."""
    done = place.upgrade("maitred:broken", WITHOUT_BACKUP="1")
    assert done.returncode == 1, done.stdout
    assert "web does not stay up" in done.stderr, done.stderr
    assert "this version does not start" in done.stderr, done.stderr
    assert "the previous version serves" in done.stderr, done.stderr
    serves(place, "maitred:2")


def killed_and_done_again(place: Site, _page: Page) -> None:
    """The script is killed by SIGKILL with both versions running: the next run cleans up first."""
    env = place.engine.env | PATIENT | {"WITHOUT_BACKUP": "1"}
    with subprocess.Popen(
        ["sh", "deploy/upgrade.sh", "maitred:1"],
        cwd=place.folder, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True,
    ) as begun:  # fmt: skip
        assert begun.stdout
        while "switching traffic" not in begun.stdout.readline():
            assert begun.poll() is None
        begun.send_signal(signal.SIGKILL)
    done = place.upgrade("maitred:1", WITHOUT_BACKUP="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rolling back the interrupted upgrade" in done.stdout
    serves(place, "maitred:1")


def rolled_back(place: Site, page: Page) -> None:
    """Roll back to the previous image; once."""
    page.type(place, "Upgrade", 1)
    serves(place, "maitred:2")
    again = place.upgrade("--rollback")
    assert again.returncode == 1
    assert "the previous image is not known" in again.stderr
    serves(place, "maitred:2")


def serves(place: Site, image: str) -> None:
    """Every process of Maitred runs that image, once."""
    assert {name: of for name, of in place.images().items() if name in BESIDE} == {
        name: [image] for name in BESIDE
    }
    assert not (place.folder / ".upgrade").exists()
    assert f"IMAGE={image}\n" in (place.folder / ".env").read_text(encoding="utf-8")


def backups(place: Site) -> int:
    """The number of backups."""
    return place.compose(
        "exec", "-T", "worker-backups", "sh", "-c", "ls /var/lib/maitred/backups"
    ).count("-dump-")
