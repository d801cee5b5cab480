"""What a restored database has to forget, and must never give out again, before it is handed over.

What it came from went on after the state that came back: it gave out numbers and signed people in.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import Engine, Table, delete, func, inspect, select, update

from models.core.database.epochs import memory_of
from models.core.database.transactions import Base, unit
from models.core.database.types import BigId
from models.core.settings import settings
from models.entities.accounts import SignIn
from models.entities.running import JobRun, Lease, Promotion
from models.operations.running.jobs import forget_results
from models.operations.running.promotions import write_promotion
from tasks.backups.records import JOB, LOG

#: Numbers that a table may have given out since the state that came back: so many at once, and so
#: many a second. Restored twice from one backup, the second begins beyond the first.
AT_ONCE: Final = 1_000_000
A_SECOND: Final = 100


def hand_over(bind: Engine, *, until: datetime, now: datetime) -> None:
    """Make ready for a new life what stood like this at `until`. Safe to repeat.

    The leases and results of its maker go. All sign-ins end. It counts as promoted now, after all
    that Redis remembers: where a server of before can be reached as well, this one is the primary.
    On MariaDB and MySQL new rows get numbers that were never given out; SQLite counts on from the
    last row that it has, so nothing may trust a number alone (links: rules.links; tokens:
    queries.accounts).
    """
    there = set(inspect(bind).get_table_names())
    if Lease.__tablename__ in there:
        held = delete(Lease).where(Lease.name.in_((JOB, LOG)))
        unit(lambda session: session.execute(held), bind)
    if JobRun.__tablename__ in there:
        unit(lambda session: forget_results(session, (JOB, LOG)), bind)
    if SignIn.__tablename__ in there:
        ended = update(SignIn).where(SignIn.revoked_at.is_(None)).values(revoked_at=now)
        unit(lambda session: session.execute(ended), bind)
    if Promotion.__tablename__ in there:
        known = memory_of(settings().database_url)
        # another machine's clock may have been ahead of this one's
        newest = max(int(now.timestamp()), known.look() if known else 0)
        unit(lambda session: write_promotion(session, "", newest=newest, now=now), bind)
    if bind.dialect.name != "sqlite":
        gap = AT_ONCE + A_SECOND * max(0, int((now - until).total_seconds()))
        for table in _counted(there):
            _move_on(bind, table, gap)


def _counted(there: set[str]) -> list[Table]:
    """The tables of this release that number their rows themselves, with room for it."""
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
