"""The report of `/readyz` and `maitred health`: database, schema, Redis, and what is overdue."""

from functools import lru_cache
from typing import Any, Final

from alembic.migration import MigrationContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models import migrations
from models.core import clock
from models.core.database.transactions import reading
from models.core.redis import signals
from models.core.zones import zone_data
from models.queries.running.health import last_health

#: The status when no request can be served.
NOT_READY: Final = "not ready"
_SERVED: Final = ("current", "ahead")


def readiness() -> dict[str, Any]:
    """Return `status` and the facts behind it.

    `status`: "ready", "degraded" (requests are accepted, something is wrong) or "not ready".
    Queries the database and Redis; does not raise when they are unreachable.
    """
    facts = _database_facts()
    redis = signals.is_up()
    ready = facts["database"] == "up" and facts["migrations"]["is"] in _SERVED
    well = redis and bool((facts["health"] or {}).get("well", True))
    status = ("ready" if well else "degraded") if ready else NOT_READY
    body = {"status": status, **facts, "redis": "up" if redis else "gone"}
    body["zone_data"] = zone_data()
    body["at"] = clock.now().isoformat(timespec="seconds")
    return body


def _database_facts() -> dict[str, Any]:
    wanted = _wanted()
    facts = {"found": None, "wanted": wanted, "is": "unknown"}
    try:
        with reading() as session:
            found = MigrationContext.configure(session.connection()).get_current_revision()
            state = _schema_state(found)
            health = last_health(session, now=clock.now()) if state in _SERVED else None
    except (DBAPIError, PoolTimeout):
        return {"database": "gone", "migrations": facts, "health": None}
    facts = {"found": found, "wanted": wanted, "is": state}
    return {"database": "up", "migrations": facts, "health": health}


@lru_cache(maxsize=4)
def _schema_state(found: str | None) -> str:
    """Return the schema's state relative to this code: current, behind or ahead."""
    if found == _wanted():
        return "current"
    return "behind" if found is None or migrations.knows(found) else "ahead"


@lru_cache(maxsize=1)
def _wanted() -> str:
    # cached, because it reads every migration file
    return migrations.head()
