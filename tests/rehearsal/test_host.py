"""docs/deploy/host.md, run command by command on an empty Debian with its own systemd.

The machine has only what the page installs. The outside world is simulated: a git repository, a
mail server, and an authority that signs certificates as Let's Encrypt does (pebble).
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from deploy.release.processes import PROCESSES
from deploy.release.units import unit_of
from tests.architecture.tree import ROOT, tracked
from tests.rehearsal.machine import Machine, debian
from tests.services import plan
from tests.services.missing import go_without, require_program
from tests.services.running.process import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]

NAME: Final = "book.example.com"
PAGE: Final = ROOT / "docs" / "deploy" / "host.md"
REPOSITORY: Final = "https://git.example.com/maitred.git"
V1: Final = "/srv/maitred/v1"
#: Jobs that are overdue on a new machine are not for long.
READY_SECONDS: Final = 300


def blocks() -> dict[str, list[str]]:
    """The page's commands by heading, in order."""
    found: dict[str, list[str]] = {}
    for part in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        heading = part.partition("\n")[0]
        found[heading] = re.findall(r"```sh\n(.*?)```", part, re.DOTALL)
    return found


def test_the_page_has_the_sections_that_are_played_here() -> None:
    assert {heading: len(commands) for heading, commands in blocks().items()} == {
        "1. Packages": 1,
        "2. The first version": 1,
        "3. Account, folders, settings, secrets, units": 2,
        "4. MariaDB and Redis": 1,
        "5. nginx and its certificate": 2,
        "6. Deploy the first version": 1,
        "7. A restaurant, who works there, and a table": 1,
        "8. Backups": 1,
        "What runs, and who starts it": 1,
    }


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """An empty Debian, booted."""
    if os.geteuid() != 0:
        go_without("root (namespaces for a machine of its own)")
    for program in ("debootstrap", "unshare", "nsenter", "ip"):
        require_program(program)
    folder = tmp_path_factory.mktemp("host")
    made = Machine(debian(folder), named=(NAME,))
    _repository(made)
    try:
        made.start()
        yield made
    finally:
        made.leave()
        shutil.rmtree(made.root)


def _repository(machine: Machine) -> None:
    """The repository that the page clones: this working tree, with uncommitted changes."""
    place = machine.root / "srv" / "repository"
    for path in tracked():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, place / path)
    own = ["-c", "user.name=t", "-c", "user.email=t@t.example"]
    tag = [*own, "tag", "v0.2.0"]
    for words in (["init", "-q"], ["add", "-A"], [*own, "commit", "-qm", "v1"], tag):
        subprocess.run(["git", *words], cwd=place, check=True, timeout=60)
    text = f'[url "/srv/repository"]\n\tinsteadOf = {REPOSITORY}\n'
    (machine.root / "root" / ".gitconfig").write_text(text, encoding="utf-8")


def test_the_page_from_an_empty_machine_to_a_table_through_nginx(machine: Machine) -> None:
    for act in (
        it_is_installed, servers_run, a_certificate_is_signed_and_renewed,
        nginx_may_not_open_the_sockets, the_first_version_comes, a_table_is_booked,
        backups_come_back, what_runs_is_as_said,
        another_version_comes_and_goes, the_power_is_cut, logs_are_kept,
    ):  # fmt: skip
        began = time.monotonic()
        act(machine)
        print(f"{act.__name__.replace('_', ' ')}: {time.monotonic() - began:.0f} s", flush=True)
    for line in ("first-start", "production", "certificates", "tls", "secrets", "logs", "rollback"):
        plan.prove(line=line, target="hosts", how="seen")


def play(machine: Machine, heading: str, number: int = 0, *, outside: bool = False) -> str:
    """Run one block of the page; each command must succeed."""
    (command,) = [those[number] for said, those in blocks().items() if said.startswith(heading)]
    return machine.must(f"set -e\n{command}", outside=outside, seconds=900)


def it_is_installed(machine: Machine) -> None:
    play(machine, "1.", outside=True)
    play(machine, "2.", outside=True)
    play(machine, "3.", 0)
    play(machine, "3.", 1)
    # repeated, it changes nothing
    before = machine.must("cat /etc/maitred/secrets/* /etc/maitred/maitred.env")
    play(machine, "3.", 0)
    assert machine.must("cat /etc/maitred/secrets/* /etc/maitred/maitred.env") == before
    # by Debian's Python 3.11: an installation has no mail server
    mail = "/usr/bin/python3 -W ignore -m smtpd -n -c DebuggingServer 127.0.0.1:1025"
    machine.must("echo smtp://127.0.0.1:1025 >/etc/maitred/secrets/smtp_url")
    machine.must(f"systemd-run --quiet --unit=mail {mail}")
    connect = """python3 -c 'import socket; socket.create_connection(("127.0.0.1", 1025))'"""
    wait_until(lambda: machine.run(connect).returncode == 0, seconds=20, what="a mail server")


def servers_run(machine: Machine) -> None:
    play(machine, "4.")
    # guests' accounts have no other access, and Redis requires a password
    assert machine.run("redis-cli ping").stdout.startswith("NOAUTH")
    assert machine.run("mariadb -h 127.0.0.1 -u maitred maitred -e 'SELECT 1'").returncode


def a_certificate_is_signed_and_renewed(machine: Machine) -> None:
    machine.must("apt-get install -y --no-install-recommends pebble", outside=True, seconds=600)
    shutil.copy(Path(__file__).with_name("pebble.sh"), machine.root / "root" / "pebble.sh")
    machine.must("sh /root/pebble.sh")
    play(machine, "5.", 0)
    first = _served(machine)
    assert "Pebble" in first
    play(machine, "5.", 1)
    # for real: nginx serves the new certificate automatically
    machine.must("certbot renew --force-renewal --quiet")
    wait_until(lambda: _served(machine) != first, seconds=20, what="another certificate", every=0.5)


def _served(machine: Machine) -> str:
    """Issuer and serial number of nginx's certificate."""
    show = "openssl x509 -noout -issuer -serial"
    asked = f"openssl s_client -connect {NAME}:443 -servername {NAME} </dev/null 2>/dev/null"
    return machine.must(f"{asked} | {show}")


def nginx_may_not_open_the_sockets(machine: Machine) -> None:
    """The same release where the sockets' folder has lost its group: it fails."""
    machine.must("chgrp maitred /run/maitred; chmod 2750 /run/maitred")
    refused = machine.run(f"maitred release start {V1}")
    assert refused.returncode == 1, refused.stdout
    assert "switch: nginx returned 502: can its workers open the sockets" in refused.stderr
    machine.must("systemd-tmpfiles --create maitred.conf")
    assert "rolled back" in machine.must("maitred release list")


def the_first_version_comes(machine: Machine) -> None:
    said = play(machine, "6.")
    assert "check through nginx" in said


def a_table_is_booked(machine: Machine) -> None:
    assert "demo: confirmed after" in play(machine, "7.")


def backups_come_back(machine: Machine) -> None:
    said = ""

    def are_well() -> bool:
        nonlocal said
        done = machine.run(f"set -e\n{blocks()['8. Backups'][0]}")
        assert "restored and checked in" in done.stdout, done.stdout + done.stderr
        said = done.stdout
        return done.returncode == 0

    wait_until(
        are_well, seconds=READY_SECONDS, what=lambda: f"backups without a finding: {said}", every=5
    )


def what_runs_is_as_said(machine: Machine) -> None:
    said = play(machine, "What runs")
    for line in PROCESSES:
        assert re.search(rf"{re.escape(unit_of(line, 'blue'))} +loaded +active +running", said)
    # the scheduler's own process: its system is read-only, and keys of guests' data are invisible
    pid = machine.must("systemctl show -p MainPID --value maitred-scheduler@blue").strip()
    inside = f"nsenter -t {pid} -m -S $(id -u maitred) -G $(id -g maitred)"
    for command in ("touch /etc/x", "touch /srv/maitred/x", "ls /etc/maitred/secrets",
                    "cat /var/lib/maitred/keys/keyset.json"):  # fmt: skip
        assert machine.run(f"{inside} {command}").returncode, command
    seen = machine.must(f"{inside} ls /run/credentials/maitred-scheduler@blue.service").split()
    assert seen == ["database_url", "redis_url"]
    # a crashed one is restarted
    pid = machine.must("systemctl show -p MainPID --value maitred-web@blue").strip()
    machine.must(f"kill -9 {pid}")
    _await(
        machine, f"curl_() {{ {V1}/.venv/bin/python -m deploy.smoke https://{NAME} demo; }}; curl_"
    )
    assert machine.must("systemctl show -p NRestarts --value maitred-web@blue").strip() == "1"


def another_version_comes_and_goes(machine: Machine) -> None:
    """By the commands of releases.md."""
    text = (ROOT / "docs" / "releases.md").read_text(encoding="utf-8")
    clone, install, *rest = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)[0].splitlines()
    for command in (clone, install):
        machine.must(command, outside=True, seconds=600)
    made = machine.must("maitred backup list").count("-dump-")
    for command in rest:
        machine.must(command, seconds=600)
    assert machine.must("maitred backup list").count("-dump-") > made
    plan.prove(line="backup-before-release", target="hosts", how="seen")
    active = "systemctl is-active maitred-web@blue maitred-web@green; true"
    assert machine.must(active).split() == ["inactive", "active"]
    machine.must("maitred release rollback", seconds=600)
    assert machine.must(active).split() == ["active", "inactive"]
    assert machine.must("readlink /var/lib/maitred/releases/version/live").strip() == V1


def the_power_is_cut(machine: Machine) -> None:
    """Power returns: without any command, a table can be booked."""
    at = int(time.time())
    machine.cut()
    machine.start()
    _await(machine, f"{V1}/.venv/bin/python -m deploy.smoke https://{NAME} demo")
    said = machine.must(f"journalctl --unit maitred-web@blue --until=@{at} --no-pager --quiet")
    assert "answered" in said, "what was said before is gone"


def logs_are_kept(machine: Machine) -> None:
    """By the journal's own configuration and by logrotate's, as each reads them."""
    shown = machine.must("systemd-analyze cat-config systemd/journald.conf")
    assert "MaxRetentionSec=90day" in shown
    told = machine.run("logrotate --debug /etc/logrotate.conf").stderr
    assert re.search(r"pattern: /var/log/nginx/\*\.log\s+after 1 days \(90 rotations\)", told)
    assert "error:" not in told


def _await(machine: Machine, command: str, *, seconds: float = 120) -> None:
    wait_until(
        lambda: machine.run(command).returncode == 0,
        seconds=seconds,
        what=lambda: machine.run(command).stderr,
        every=2,
    )
