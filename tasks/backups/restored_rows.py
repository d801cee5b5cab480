"""Prepares the rows of a restored database: some are removed, and no id is given out again.

After the state that was restored, the original database gave out more numbers and sign-ins.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import Engine, Table, func, inspect, select, update

from models.core.database.epochs import memory_of
from models.core.database.transactions import Base, unit
from models.core.database.types import BigId
from models.core.settings import settings
from models.entities.accounts import SignIn
from models.entities.running import JobRun, Lease, Promotion
from models.operations.running.jobs import forget_results
from models.operations.running.leases import drop_leases
from models.operations.running.promotions import write_promotion
from tasks.backups.records import JOB, LOG

#: Ids that a table may have given out since the restored state: a fixed number, and so many per
#: second. After two restores of one backup, the second starts beyond the first.
AT_ONCE: Final = 1_000_000
A_SECOND: Final = 100


def prepare_rows(bind: Engine, *, until: datetime, now: datetime) -> None:
    """Prepare a database that was restored to its state at `until`. Safe to repeat.

    Deletes the leases and results of the backup and log jobs, and revokes all sign-ins. Writes a
    promotion newer than any that Redis remembers: this server is the primary even if an earlier
    one is still reachable. On MariaDB and MySQL new rows get ids that were never given out. SQLite
    continues from its last row, so no id may be trusted alone (links: queries.reservations.links;
    tokens: queries.accounts).
    """
    there = set(inspect(bind).get_table_names())
    if Lease.__tablename__ in there:
        unit(lambda session: drop_leases(session, (JOB, LOG)), bind)
    if JobRun.__tablename__ in there:
        unit(lambda session: forget_results(session, (JOB, LOG)), bind)
    if SignIn.__tablename__ in there:
        ended = update(SignIn).where(SignIn.revoked_at.is_(None)).values(revoked_at=now)
        unit(lambda session: session.execute(ended), bind)
    if Promotion.__tablename__ in there:
        known = memory_of(settings().database_url)
        # another machine's clock may have been ahead of this one's
        newest = max(int(now.timestamp()), known.read_newest() if known else 0)
        unit(lambda session: write_promotion(session, "", newest=newest, now=now), bind)
    if bind.dialect.name != "sqlite":
        gap = AT_ONCE + A_SECOND * max(0, int((now - until).total_seconds()))
        for table in _counted(there):
            _move_on(bind, table, gap)


def _counted(there: set[str]) -> list[Table]:
    """Return the existing tables with a big autoincrement id."""
    return [
        table
        for table in Base.metadata.sorted_tables
        if table.name in there and table.autoincrement_column is not None
        if table.autoincrement_column.type is BigId
    ]


def _move_on(bind: Engine, table: Table, gap: int) -> None:
    column = table.autoincrement_column
    with bind.connect() as connection:
        last = connection.scalar(select(func.coalesce(func.max(column), 0))) or 0
        name = bind.dialect.identifier_preparer.format_table(table)
        connection.exec_driver_sql(f"ALTER TABLE {name} AUTO_INCREMENT = {int(last) + gap}")
