"""Which secret which process is given: the one table, for settings, compose and Kubernetes.

PROCESS names what a process is; one that names nothing (a machine of its own, `make up`) is given
everything. `maitred` commands are what the container is in which they run.
"""

from collections.abc import Iterable, Mapping
from typing import Final

_DATA: Final = frozenset({"DATABASE_URL", "REDIS_URL"})
#: errors, traces and metrics go to somebody else's servers
_TELLS: Final = frozenset({"SENTRY_DSN", "OTEL_EXPORTER_OTLP_HEADERS"})
#: opens who comes; who has it has the file of keys (KEYSET_FILE) as well
_GUESTS: Final = frozenset({"SECRET_KEY", "MASTER_KEY"})
_STORES: Final = frozenset({"BACKUP_KEY", "BACKUP_OLD_KEY", "BACKUP_URL"})

#: process -> the secrets that it uses, and so the only ones that it is given
NEEDS: Final[Mapping[str, frozenset[str]]] = {
    # Twilio's callbacks are proved by the token; /status/operators takes Flower's password
    "web": _DATA | _TELLS | _GUESTS | {"TWILIO_AUTH_TOKEN", "METRICS_TOKEN", "FLOWER_PASSWORD"},
    # it opens no guest; SECRET_KEY makes the ids under which it logs and traces
    "allocation": _DATA | _TELLS | {"SECRET_KEY"},
    "messages": _DATA
    | _TELLS
    | _GUESTS
    | {"SMTP_URL", "SMTP_TOKEN_FILE", "SMTP_TOKEN_COMMAND", "TWILIO_AUTH_TOKEN"},
    # forgets guests
    "maintenance": _DATA | _TELLS | _GUESTS,
    # the daily drill opens every guest of a restored backup
    "backups": _DATA | _TELLS | _GUESTS | _STORES,
    "follower": _STORES | {"DATABASE_URL"},
    "scheduler": _DATA,
    "flower": frozenset({"REDIS_URL", "FLOWER_PASSWORD"}),
    # makes the file of keys at the first start
    "migrate": _GUESTS | {"DATABASE_URL"},
}
#: of commands alone
_COMMANDS: Final = frozenset({"FAILOVER_URL"})
SECRETS: Final = _COMMANDS.union(*NEEDS.values())
#: without which nobody starts who needs them
REQUIRED: Final = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")


def needed_by(process: str) -> frozenset[str]:
    """The secrets of PROCESS: one name, several with commas between, or none: all of them.

    Raises ValueError for a name that is none.
    """
    names = [name.strip() for name in process.split(",") if name.strip()]
    if unknown := [name for name in names if name not in NEEDS]:
        raise ValueError(f"no process is called {', '.join(unknown)}; there are {', '.join(NEEDS)}")
    return frozenset().union(*(NEEDS[name] for name in names)) if names else SECRETS


def given_to(names: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """An environment without the secrets that these processes do not need."""
    process = ",".join(names)
    others = SECRETS - needed_by(process)
    kept = {
        name: value
        for name, value in environ.items()
        if name not in others and name.removesuffix("_FILE") not in others
    }
    return kept | {"PROCESS": process}
