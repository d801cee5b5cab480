"""Access to the table of promotions with the account of FAILOVER_URL."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy.exc import DBAPIError

from models.core.database.epochs import NOT_TO_BE_READ
from models.core.database.servers import split_url
from models.core.settings import settings

Run = Callable[[str], Any]
#: SQL for the values of one promotion, with parameters for its epoch and the server's name.
ONE: Final = "VALUES (%s, %s, UTC_TIMESTAMP(6))"
_NONE: Final = "SELECT 1, '', NOW() WHERE FALSE"


def _table() -> str:
    name = split_url(settings().database_url)[0].database or ""
    return f"`{name.replace('`', '``')}`.promotions"


def insert_text(rows: str) -> str:
    """Return the statement that writes these rows."""
    return f"INSERT INTO {_table()} (epoch, server, promoted_at) {rows}"  # nosec B608


def newest_epoch(run: Run) -> int | None:
    """Return the newest epoch on this server, 0 before the first; None where it cannot be read."""
    try:
        return int(run(f"SELECT MAX(epoch) FROM {_table()}").scalar() or 0)  # noqa: S608 # nosec B608
    except DBAPIError as error:
        if _may_not(error):
            return None
        raise


def may_write(run: Run) -> bool:
    """Whether the account may write a promotion, also while the server is read-only.

    Nothing is written, not even to the binary log.
    """
    try:
        run(f"EXPLAIN {insert_text(_NONE)}")
    except DBAPIError as error:
        if _may_not(error):
            return False
        raise
    return True


def missing_right() -> str:
    """Return the GRANT that lets the account of FAILOVER_URL read and write the table."""
    account = split_url(settings().failover_url or "")[0].username or ""
    return f"GRANT SELECT, INSERT, CREATE ON {_table()} TO '{account}'@'%'"


def _may_not(error: DBAPIError) -> bool:
    return bool(error.orig and error.orig.args[0] in NOT_TO_BE_READ)
