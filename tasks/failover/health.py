"""How the replica does, as the house's own account can see it: for `/readyz`."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import URL, func, select
from sqlalchemy.exc import DBAPIError

from models.core.db import make_engine
from models.core.servers import server_name, split_url
from models.core.settings import settings
from models.entities.house import JobRun
from models.rules.health import REPLICA_BEHIND_AT_MOST

_SEMI_SYNC = (
    "SELECT COUNT(*) FROM information_schema.GLOBAL_VARIABLES, information_schema.GLOBAL_STATUS"
    " WHERE GLOBAL_VARIABLES.VARIABLE_NAME = 'rpl_semi_sync_master_enabled'"
    " AND GLOBAL_VARIABLES.VARIABLE_VALUE = 'ON'"
    " AND GLOBAL_STATUS.VARIABLE_NAME = 'Rpl_semi_sync_master_status'"
    " AND GLOBAL_STATUS.VARIABLE_VALUE = 'OFF'"
)


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """One server of DATABASE_URL: primary, replica or gone.

    `behind_seconds` is the age of a replica's newest record of a job, beside the primary's.
    `semi_sync_off`: it should be, and the primary goes on without.
    """

    server: str
    role: str
    behind_seconds: float | None
    semi_sync_off: bool

    @property
    def late(self) -> set[str]:
        """What `/readyz` names: `replica`, `semi_sync`."""
        behind = self.behind_seconds
        is_late = self.role != "primary" and (behind is None or behind > REPLICA_BEHIND_AT_MOST)
        return ({"replica"} if is_late else set()) | (
            {"semi_sync"} if self.semi_sync_off else set()
        )


def server_health() -> tuple[ServerHealth, ...]:
    """Look at every server of DATABASE_URL; at none where it names but one."""
    urls = split_url(settings().database_url)
    if len(urls) < 2:
        return ()
    found = [(url, _look(url)) for url in urls]
    newest = max((facts[1] for _, facts in found if facts and facts[1]), default=None)
    return tuple(_judge(server_name(url), facts, newest) for url, facts in found)


def with_servers(health: dict[str, Any], servers: tuple[ServerHealth, ...]) -> dict[str, Any]:
    """The house's health (`HouseHealth.as_json`), and that of its servers where there are two."""
    if not servers:
        return health
    late = [*health["late"], *sorted(set().union(*(one.late for one in servers)))]
    return health | {"servers": [asdict(one) for one in servers], "late": late, "well": not late}


def _look(url: URL) -> tuple[bool, datetime | None, bool] | None:
    """Read-only, its newest record of a job, without semi-sync; None when it does not answer."""
    bind = make_engine(url.render_as_string(hide_password=False), pool_size=1)
    try:
        with bind.connect() as connection:
            read_only = bool(connection.exec_driver_sql("SELECT @@global.read_only").scalar())
            newest = connection.scalar(select(func.max(JobRun.last_success)))
            is_off = bool(connection.exec_driver_sql(_SEMI_SYNC).scalar())
            return read_only, newest, is_off
    except DBAPIError:
        return None
    finally:
        bind.dispose()


def _judge(
    server: str, facts: tuple[bool, datetime | None, bool] | None, newest: datetime | None
) -> ServerHealth:
    if facts is None:
        return ServerHealth(server, "gone", None, semi_sync_off=False)
    read_only, own, is_off = facts
    if not read_only:
        return ServerHealth(server, "primary", None, semi_sync_off=is_off)
    behind = round((newest - own).total_seconds(), 1) if newest and own else None
    return ServerHealth(server, "replica", behind, semi_sync_off=False)
