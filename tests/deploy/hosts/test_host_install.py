"""deploy/systemd: install.sh killed at each secret, what polkit reads, the command `maitred`."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

#: Fakes of programs that need root or change the machine. `chgrp` runs for each secret and kills.
STAND_INS = {
    "id": "exit 0",
    "install": """
for last; do :; done
if [ "$1" = -d ]; then exec mkdir -p "$last"; fi
echo "$last" >>written
mkdir -p "$(dirname "$last")"
case $last in */) ;; *) : >"$last" ;; esac""",
    "chgrp": 'case $2 in *"$KILLED_AT"*) kill -9 $PPID ;; esac',
    "systemctl": "exit 0",
    "systemd-tmpfiles": "exit 0",
}


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder that replaces /etc and others, with the script."""
    text = (ROOT / "deploy" / "systemd" / "install.sh").read_text(encoding="utf-8")
    for folder in ("/etc", "/var/lib", "/usr/local"):
        text = re.sub(rf"(?<![\w.]){folder}/", f"{tmp_path}{folder}/", text)
    (tmp_path / "install.sh").write_text(text)
    (tmp_path / "bin").mkdir()
    for name, line in STAND_INS.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def installed(machine: Path, killed_at: str) -> int:
    """Run the script and return its exit code."""
    env = {"PATH": f"{machine}/bin:{os.environ['PATH']}", "KILLED_AT": killed_at}
    argv = ["sh", "install.sh", "book.example"]
    return subprocess.run(argv, cwd=machine, env=env, timeout=60, check=False).returncode


@pytest.mark.parametrize("killed_at", ["database_url", "backup_url", "redis_url"])
def test_killed_between_two_secrets_the_next_run_leaves_none_out(
    machine: Path, killed_at: str
) -> None:
    assert installed(machine, killed_at) != 0
    assert installed(machine, "nowhere") == 0
    etc = machine / "etc" / "maitred"
    secrets = {path.name: path.read_text() for path in (etc / "secrets").iterdir()}
    for name, accounts in (
        ("database_url", "accounts.sql"),
        ("backup_url", "accounts.sql"),
        ("redis_url", "redis.conf"),
    ):
        (password,) = re.findall(r":([0-9a-f]{64})@", secrets[name])
        assert password in (etc / accounts).read_text(), name
    assert installed(machine, "nowhere") == 0
    assert {path.name: path.read_text() for path in (etc / "secrets").iterdir()} == secrets


def test_polkit_never_sees_a_rule_before_it_can_read_it(machine: Path) -> None:
    """polkit reads at once what is named *.rules, and `install` sets the mode last."""
    assert installed(machine, "nowhere") == 0
    rules = machine / "etc" / "polkit-1" / "rules.d"
    assert [path.name for path in rules.iterdir()] == ["50-maitred.rules"]
    written = (machine / "written").read_text(encoding="utf-8").splitlines()
    assert [path for path in written if path.startswith(str(rules))]
    assert not [path for path in written if path.endswith(".rules")]


@pytest.mark.parametrize("is_older", [False, True])
@pytest.mark.parametrize(
    ("typed", "former"),
    [
        ("release start /srv/v2 --strategy canary", "release /srv/v2 --strategy canary"),
        ("release list", "releases"),
        ("release rollback", "rollback"),
        ("backup list", "backup list"),
    ],
)
def test_the_command_speaks_to_an_older_live_version_in_its_own_spelling(
    tmp_path: Path, typed: str, former: str, is_older: bool
) -> None:
    text = (ROOT / "deploy" / "systemd" / "maitred").read_text(encoding="utf-8")
    (tmp_path / "maitred").write_text(text.replace("/etc/maitred", str(tmp_path / "etc")))
    live, programs = tmp_path / "version" / "live", tmp_path / "bin"
    for folder in (tmp_path / "etc" / "secrets", live / ".venv" / "bin", programs):
        folder.mkdir(parents=True)
    (tmp_path / "etc" / "secrets" / "secret_key").touch()
    (tmp_path / "etc" / "maitred.env").write_text(f"RELEASE_FOLDER={tmp_path}\n")
    for path, line in (
        (programs / "id", "echo maitred"),
        (live / ".venv/bin/maitred", 'echo "$*"'),
    ):
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
    if not is_older:
        (live / "deploy" / "cli").mkdir(parents=True)
        (live / "deploy" / "cli" / "spellings.py").touch()
    env = {"PATH": f"{programs}:{os.environ['PATH']}"}
    argv = ["sh", str(tmp_path / "maitred"), *typed.split()]
    said = subprocess.run(argv, env=env, capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == (former if is_older else typed)
