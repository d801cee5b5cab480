"""Health of the database servers for `/readyz`, as far as the account of DATABASE_URL can see."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import URL, func, select
from sqlalchemy.exc import DBAPIError

from models.core.database.epochs import memory_of
from models.core.database.servers import server_name, split_url
from models.core.database.transactions import make_engine
from models.core.settings import settings
from models.entities.running import JobRun, Promotion
from models.rules.health import REPLICA, REPLICA_BEHIND_AT_MOST, SEMI_SYNC, TWO_PRIMARIES

_SEMI_SYNC = (
    "SELECT COUNT(*) FROM information_schema.GLOBAL_VARIABLES, information_schema.GLOBAL_STATUS"
    " WHERE GLOBAL_VARIABLES.VARIABLE_NAME = 'rpl_semi_sync_master_enabled'"
    " AND GLOBAL_VARIABLES.VARIABLE_VALUE = 'ON'"
    " AND GLOBAL_STATUS.VARIABLE_NAME = 'Rpl_semi_sync_master_status'"
    " AND GLOBAL_STATUS.VARIABLE_VALUE = 'OFF'"
)


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """One server of DATABASE_URL. `role`: primary, replica, gone, or replaced (still takes writes).

    `behind_seconds`: how much older a replica's newest job record is than the primary's.
    `semi_sync_off`: semi-synchronous replication is enabled, but the primary works without it.
    """

    server: str
    role: str
    behind_seconds: float | None
    semi_sync_off: bool

    @property
    def late(self) -> set[str]:
        """The names of its problems in `/readyz`: `two_primaries`, `replica`, `semi_sync`."""
        if self.role == "replaced":
            return {TWO_PRIMARIES}
        behind = self.behind_seconds
        is_late = self.role != "primary" and (behind is None or behind > REPLICA_BEHIND_AT_MOST)
        return ({REPLICA} if is_late else set()) | ({SEMI_SYNC} if self.semi_sync_off else set())


def server_health() -> tuple[ServerHealth, ...]:
    """Check every server of DATABASE_URL; return () where it names only one."""
    urls = split_url(settings().database_url)
    if len(urls) < 2:
        return ()
    found = [(url, _query_server(url)) for url in urls]
    answered = [facts for _, facts in found if facts]
    newest = max((facts.job for facts in answered if facts.job), default=None)
    epoch = max((facts.epoch for facts in answered), default=0)
    if remembered := memory_of(settings().database_url):
        remembered.note(epoch)
    return tuple(_judge(server_name(url), facts, newest, epoch) for url, facts in found)


def with_servers(health: dict[str, Any], servers: tuple[ServerHealth, ...]) -> dict[str, Any]:
    """Return the health (`Health.as_json`) with that of the servers added, if there are any."""
    if not servers:
        return health
    late = [*health["late"], *sorted(set().union(*(one.late for one in servers)))]
    return health | {"servers": [asdict(one) for one in servers], "late": late, "well": not late}


@dataclass(frozen=True, slots=True)
class _Facts:
    """A server's state; `job`: time of its newest job record, `epoch`: its newest promotion."""

    read_only: bool
    job: datetime | None
    semi_sync_off: bool
    epoch: int


def _query_server(url: URL) -> _Facts | None:
    """Query a server; return None when it does not answer."""
    bind = make_engine(url.render_as_string(hide_password=False), pool_size=1)
    try:
        with bind.connect() as connection:
            return _Facts(
                bool(connection.exec_driver_sql("SELECT @@global.read_only").scalar()),
                connection.scalar(select(func.max(JobRun.last_success))),
                bool(connection.exec_driver_sql(_SEMI_SYNC).scalar()),
                connection.scalar(select(func.max(Promotion.epoch))) or 0,
            )
    except DBAPIError:
        return None
    finally:
        bind.dispose()


def _judge(server: str, facts: _Facts | None, newest: datetime | None, epoch: int) -> ServerHealth:
    if facts is None:
        return ServerHealth(server, "gone", None, semi_sync_off=False)
    if not facts.read_only:
        role = "replaced" if facts.epoch < epoch else "primary"
        return ServerHealth(server, role, None, semi_sync_off=facts.semi_sync_off)
    behind = round((newest - facts.job).total_seconds(), 1) if newest and facts.job else None
    return ServerHealth(server, "replica", behind, semi_sync_off=False)
