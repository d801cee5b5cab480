"""The systemd units: generated from the tables, sandboxed, and accepted by systemd."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.procfile import commands_of
from deploy.release.processes import PROCESSES, STOP_SECONDS, WORKERS, served_by
from deploy.systemd.make import FILES, FOLDER, files, secrets_of
from models.core.secrets.by_process import SECRETS, needed_by
from models.core.settings import Settings
from tasks.queues import QUEUES, TASKS
from tests.architecture.tree import ROOT
from tests.deploy.containers.test_containers import described
from tests.services import plan
from tests.services.missing import require_program

SYSTEMD = FOLDER.parent
UNITS = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.iterdir())}
SERVICES = sorted(name for name in UNITS if name.endswith(".service"))
#: On systemd's exposure scale: 0 is closed and 100 open; a service without sandboxing has 92.
MOST_EXPOSED = 20


def values(unit: str, key: str) -> list[str]:
    """Return every value of this key in that unit."""
    return re.findall(rf"^{key}=(.*)$", UNITS[unit], re.MULTILINE)


def line_of(unit: str) -> str:
    """Return the Procfile line that this unit runs; "" for the one that starts the live version."""
    found = re.search(r"deploy\.release\.line (\w+)", UNITS[unit])
    return found[1] if found else ""


def test_the_units_are_what_the_tables_make() -> None:
    assert {path.name: text for path, text in files().items()} == UNITS


def test_every_process_of_the_procfile_has_its_unit() -> None:
    lines = set(commands_of(ROOT))
    # both are servers of the embedded mode only
    assert {line_of(unit) for unit in SERVICES} - {""} == lines - {"valkey", "mailbox"}
    assert values("maitred@.target", "Wants")[0].split() == [
        f"maitred-{line}@%i.service" for line in PROCESSES
    ]
    for line in PROCESSES:  # they start and stop with the slot
        assert values(f"maitred-{line}@.service", "PartOf") == ["maitred@%i.target"]


def test_each_unit_is_given_the_secrets_of_the_table_and_no_more() -> None:
    not_files = {"SMTP_TOKEN_FILE", "SMTP_TOKEN_COMMAND"}  # a path and a command: settings
    for unit in SERVICES:
        line = line_of(unit)
        given = {value.partition(":")[0].upper() for value in values(unit, "LoadCredential")}
        wanted = needed_by(",".join(served_by(line))) if line else SECRETS
        assert given - {"AWS_SHARED_CREDENTIALS"} == wanted - not_files, unit
        named = {
            value.partition("=")[0].removesuffix("_FILE"): value.partition("=")[2]
            for value in values(unit, "Environment")
            if "_FILE=" in value
        }
        assert named == {name: f"%d/{name.lower()}" for name in given}, unit
        # the folder of secrets is inaccessible, and so are guests' keys unless needed
        shut = values(unit, "InaccessiblePaths")
        assert "/etc/maitred/secrets" in shut
        assert ("-/var/lib/maitred/keys" in shut) == ("MASTER_KEY" not in given), unit
    plan.prove(line="secrets", target="hosts", how="rendered")


def test_the_script_makes_every_secret_that_a_unit_wants() -> None:
    text = (SYSTEMD / "install.sh").read_text(encoding="utf-8")
    words = set(re.findall(r"[a-z_]+", text))
    assert {name.lower() for name in FILES} <= words
    for unit in SERVICES:
        assert set(secrets_of(line_of(unit))) <= set(FILES)


def test_the_settings_of_a_new_machine_are_settings() -> None:
    text = (SYSTEMD / "install.sh").read_text(encoding="utf-8")
    (env,) = re.findall(r"maitred\.env <<ENV\n(.*?)\nENV$", text, re.DOTALL | re.MULTILINE)
    names = set(re.findall(r"^([A-Z_]+)=", env, re.MULTILINE))
    assert names - {"FLOWER_ADDRESS"} <= {name.upper() for name in Settings.model_fields}
    assert "ENVIRONMENT=production" in env


@pytest.mark.parametrize("unit", SERVICES)
def test_a_unit_can_write_nowhere_but_where_it_has_to(unit: str) -> None:
    for key, value in {
        "User": "maitred",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "PrivateTmp": "yes",
        "CapabilityBoundingSet": "",
        "StateDirectory": "maitred",
        "UMask": "0077",
    }.items():
        assert values(unit, key) == [value], key
    # the web process creates its socket there, and the boot unit nginx's links
    writes = values(unit, "ReadWritePaths")
    assert writes == (["/run/maitred"] if line_of(unit) in ("", "web") else [])


def test_no_task_is_killed_before_its_own_limit() -> None:
    for queue in QUEUES:
        longest = max(rule.hard_limit for rule in TASKS.values() if rule.queue == queue)
        assert STOP_SECONDS[queue] > longest, queue
    for unit in SERVICES:
        if line := line_of(unit):
            longest = max(STOP_SECONDS[process] for process in served_by(line))
            assert values(unit, "TimeoutStopSec") == [str(longest)], unit


def test_the_other_targets_give_as_long_to_end() -> None:
    services: dict[str, Any] = described()["services"]
    for name, service in services.items():
        process = name.removeprefix("worker-")
        if process in STOP_SECONDS:
            assert _seconds(service["stop_grace_period"]) == STOP_SECONDS[process], name
    for file in ("workers.yaml", "web.yaml"):
        text = (ROOT / "deploy" / "k8s" / "base" / file).read_text(encoding="utf-8")
        for made in yaml.safe_load_all(text):
            if made and made["kind"] == "Deployment":
                process = made["metadata"]["name"].removeprefix("worker-")
                grace = made["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
                assert grace == STOP_SECONDS[process], made["metadata"]["name"]


def _seconds(period: str) -> int:
    minutes, seconds = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", period).groups("0")  # type: ignore[union-attr]
    return int(minutes) * 60 + int(seconds)


def test_a_worker_that_stands_still_is_noticed() -> None:
    for line in WORKERS:
        assert values(f"maitred-{line}@.service", "WatchdogSec") == ["180"]


def _installed(folder: Path) -> Path:
    """Write the units with ExecStart programs that exist on this machine."""
    for name, text in UNITS.items():
        own = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE)
        (folder / name).write_text(own, encoding="utf-8")
    return folder


def test_systemd_understands_every_word(tmp_path: Path) -> None:
    program, folder = require_program("systemd-analyze"), _installed(tmp_path)
    slots = [name.replace("@", "@blue") for name in UNITS]
    for name, slot in zip(UNITS, slots, strict=True):
        if name != slot:
            shutil.copy(folder / name, folder / slot)
    done = subprocess.run(
        [program, "verify", "--man=no", *(str(folder / name) for name in slots)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "maitred" in line or str(folder) in line]
    assert ours == []


def test_systemd_calls_the_units_closed(tmp_path: Path) -> None:
    program, folder = require_program("systemd-analyze"), _installed(tmp_path)
    for name in SERVICES:
        done = subprocess.run(
            [program, "security", "--offline=yes", f"--threshold={MOST_EXPOSED}", folder / name],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def test_logs_of_a_machine_are_kept_for_90_days() -> None:
    journal = (SYSTEMD / "journald.conf").read_text(encoding="utf-8")
    assert "Storage=persistent" in journal
    assert "MaxRetentionSec=90day" in journal
    rotated = (SYSTEMD / "logrotate.conf").read_text(encoding="utf-8")
    assert rotated.count("{") == rotated.count("rotate 90\n") == rotated.count("daily\n")
    # no log line of a burst is dropped
    slots = [unit for unit in SERVICES if line_of(unit)]
    assert all(values(unit, "LogRateLimitIntervalSec") == ["0"] for unit in slots)
    plan.prove(line="logs", target="hosts", how="rendered")
