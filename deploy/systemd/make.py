"""Generate the units: `python -m deploy.systemd.make`.

The sources are tables of the product: the processes of a slot and their stop timeouts
(deploy/release/processes.py), and the secrets that each process receives
(models/core/secrets/by_process.py).
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.release.processes import PROCESSES, WORKERS, served_by, stop_seconds
from deploy.release.units import FLOWER, target_of, unit_of
from models.core.secrets.by_process import SECRETS, needed_by

FOLDER: Final = Path(__file__).parent / "units"
#: A machine's settings, and the folder of its secrets: one file per secret, named as the setting.
SETTINGS: Final = "/etc/maitred/maitred.env"
SECRETS_FOLDER: Final = "/etc/maitred/secrets"
STATE: Final = "/var/lib/maitred"
SOCKETS: Final = "/run/maitred"
#: The unit that starts the live version at boot.
BOOT: Final = "maitred.service"
#: Settings that point to a secret instead of containing one; an operator adds them in a drop-in.
_NOT_FILES: Final = frozenset({"SMTP_TOKEN_FILE", "SMTP_TOKEN_COMMAND"})
#: Credentials of the object store, for the process that writes to it.
_STORE: Final = "AWS_SHARED_CREDENTIALS"
FILES: Final = tuple(sorted((SECRETS - _NOT_FILES) | {_STORE}))
_HEAD: Final = (
    "# Made by `python -m deploy.systemd.make`; what is yours goes into a drop-in beside it.\n"
)
_VERSIONS: Final = f"{STATE}/releases/version"
_SAYS: Final = {
    "web": "web process",
    "allocation": "worker that decides requests",
    "messages": "worker that tells guests and keeps the installation in order",
    "backups": "worker that backs up",
    "follower": "process that keeps the database's log",
    "scheduler": "clock",
    "flower": "view of queues and tasks for operators",
}
#: Sandboxing: the process writes only where it must, and an intruder gains nothing.
_CLOSED: Final = """\
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
CapabilityBoundingSet=
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077
StateDirectory=maitred
StateDirectoryMode=0700
"""


def files() -> dict[Path, str]:
    """Return every generated unit and its text."""
    made = {unit_of(line, ""): _of_a_slot(line) for line in PROCESSES}
    made |= {target_of(""): _slot(), FLOWER: _flower(), BOOT: _boot()}
    return {FOLDER / name: _HEAD + text for name, text in made.items()}


def secrets_of(line: str) -> list[str]:
    """Return the secrets for this line of the Procfile, each a file of SECRETS_FOLDER."""
    needed = needed_by(",".join(served_by(line))) if line else SECRETS
    is_given_store = line in ("", "backups")
    return [name for name in FILES if name in needed or (name == _STORE and is_given_store)]


def _of_a_slot(line: str) -> str:
    unit = {
        "Description": f"Maitred's {_SAYS[line]} (%i)",
        "PartOf": target_of("%i"),
        "After": _after("" if line == "web" else unit_of("web", "%i")),
        # restart without a limit
        "StartLimitIntervalSec": "0",
    }
    command = f"{_VERSIONS}/%i/.venv/bin/python -m deploy.release.line {line} %i"
    return _section("Unit", unit) + _service(line, f"{_VERSIONS}/%i", command)


def _flower() -> str:
    unit = {
        "Description": f"Maitred's {_SAYS['flower']}",
        "After": _after(),
        # before the first release this does not exist
        "ConditionPathExists": f"{_VERSIONS}/live",
        "StartLimitIntervalSec": "0",
    }
    command = f"{_VERSIONS}/live/.venv/bin/python -m deploy.release.line flower"
    text = _section("Unit", unit) + _service("flower", f"{_VERSIONS}/live", command)
    return text + "\n" + _section("Install", {"WantedBy": "multi-user.target"})


def _slot() -> str:
    unit = {
        "Description": "Maitred's processes in the slot %i",
        "Wants": " ".join(unit_of(line, "%i") for line in PROCESSES),
    }
    return _section("Unit", unit)


def _boot() -> str:
    unit = {
        "Description": "Maitred's live version",
        "Wants": "network-online.target",
        "After": _after(),
        "ConditionPathExists": f"{_VERSIONS}/live",
    }
    command = f"{_VERSIONS}/live/.venv/bin/maitred releases --start"
    text = _section("Unit", unit) + "\n[Service]\nType=oneshot\nRemainAfterExit=yes\n"
    text += f"{_who(f'{_VERSIONS}/live')}ExecStart={command}\n"
    # wait for a database that comes up later than this machine
    text += "Restart=on-failure\nRestartSec=10\nTimeoutStartSec=300\n"
    text += _secrets("") + _CLOSED + f"ReadWritePaths={SOCKETS}\n"
    return text + "\n" + _section("Install", {"WantedBy": "multi-user.target"})


def _service(line: str, folder: str, command: str) -> str:
    text = "\n[Service]\nType=exec\n"
    text += f"{_who(folder)}ExecStart={command}\n"
    text += "Restart=always\nRestartSec=2\n"
    # EX_CONFIG: the version has no such process
    text += "RestartPreventExitStatus=78\n"
    text += f"TimeoutStopSec={stop_seconds([line])}\n"
    if line in WORKERS:
        # a worker that hangs is killed and restarted (workers/life.py)
        text += "WatchdogSec=180\nNotifyAccess=main\n"
    # drop no log lines
    text += "LogRateLimitIntervalSec=0\n"
    text += _secrets(line) + _CLOSED
    if line == "web":
        text += f"ReadWritePaths={SOCKETS}\n"
    if "MASTER_KEY" not in secrets_of(line):
        text += f"InaccessiblePaths=-{STATE}/keys\n"
    return text


def _who(folder: str) -> str:
    return (
        f"User=maitred\nGroup=maitred\nWorkingDirectory={folder}\nEnvironmentFile={SETTINGS}\n"
        # backups are unpacked there, so it must be on disk, not in memory
        "Environment=TMPDIR=/var/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1\n"
    )


def _secrets(line: str) -> str:
    """Load each secret from a file readable only by this process; hide the folder of all
    secrets.
    """
    names = secrets_of(line)
    given = "".join(f"LoadCredential={n.lower()}:{SECRETS_FOLDER}/{n.lower()}\n" for n in names)
    named = "".join(f"Environment={name}_FILE=%d/{name.lower()}\n" for name in names)
    return given + named + f"InaccessiblePaths={SECRETS_FOLDER}\n"


def _after(*more: str) -> str:
    servers = ("network-online.target", "mariadb.service", "mysql.service", "redis-server.service")
    return " ".join((*servers, *filter(None, more)))


def _section(name: str, values: Mapping[str, str]) -> str:
    return f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in values.items())


def main() -> None:
    """Write all generated units."""
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(FOLDER.parent)}\n")


if __name__ == "__main__":
    main()
