"""Secrets by process, in one table for settings, compose and Kubernetes.

PROCESS names the kind of a process; without it (a machine of its own, `make up`) a process gets all
secrets. `maitred` commands count as the process in whose container they run.
"""

from collections.abc import Iterable, Mapping
from typing import Final

_DATA: Final = frozenset({"DATABASE_URL", "REDIS_URL"})
#: errors, traces and metrics go to third parties' servers
_TELLS: Final = frozenset({"SENTRY_DSN", "OTEL_EXPORTER_OTLP_HEADERS"})
#: decrypt guests' data, together with the keyset file (KEYSET_FILE)
_GUESTS: Final = frozenset({"SECRET_KEY", "MASTER_KEY"})
_STORES: Final = frozenset({"BACKUP_KEY", "BACKUP_OLD_KEY", "BACKUP_URL"})

#: process -> the secrets that it uses, which are the only ones that it gets
NEEDS: Final[Mapping[str, frozenset[str]]] = {
    # the token verifies Twilio's callbacks; /status/operators uses Flower's password
    "web": _DATA | _TELLS | _GUESTS | {"TWILIO_AUTH_TOKEN", "METRICS_TOKEN", "FLOWER_PASSWORD"},
    # decrypts no guest data; SECRET_KEY derives the trace ids of its logs and traces
    "allocation": _DATA | _TELLS | {"SECRET_KEY"},
    "messages": _DATA
    | _TELLS
    | _GUESTS
    | {"SMTP_URL", "SMTP_TOKEN_FILE", "SMTP_TOKEN_COMMAND", "TWILIO_AUTH_TOKEN"},
    # anonymises guests
    "maintenance": _DATA | _TELLS | _GUESTS,
    # the daily drill decrypts every guest of a restored backup
    "backups": _DATA | _TELLS | _GUESTS | _STORES,
    "follower": _STORES | {"DATABASE_URL"},
    "scheduler": _DATA,
    "flower": frozenset({"REDIS_URL", "FLOWER_PASSWORD"}),
    # creates the keyset file at the first start
    "migrate": _GUESTS | {"DATABASE_URL"},
}
#: for commands only
_COMMANDS: Final = frozenset({"FAILOVER_URL"})
SECRETS: Final = _COMMANDS.union(*NEEDS.values())
#: without these no process starts that needs them
REQUIRED: Final = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")


def needed_by(process: str) -> frozenset[str]:
    """The secrets of PROCESS: one name, several separated by commas, or none: all secrets.

    Raises ValueError for an unknown name.
    """
    names = [name.strip() for name in process.split(",") if name.strip()]
    if unknown := [name for name in names if name not in NEEDS]:
        raise ValueError(
            f"unknown process {', '.join(unknown)}; known processes: {', '.join(NEEDS)}"
        )
    return frozenset().union(*(NEEDS[name] for name in names)) if names else SECRETS


def given_to(names: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without the secrets that these processes do not need, with PROCESS set."""
    process = ",".join(names)
    others = SECRETS - needed_by(process)
    kept = {
        name: value
        for name, value in environ.items()
        if name not in others and name.removesuffix("_FILE") not in others
    }
    return kept | {"PROCESS": process}
