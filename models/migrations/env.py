"""Alembic's entry point: runs the steps on the engine given by `models.migrations`."""

from alembic import context
from sqlalchemy import Connection, Engine

import models.entities  # noqa: F401  (fills the metadata)
from models.core.database.transactions import Base

LOCK_NAME = "maitred-migrations"
#: seconds to wait for another migration; then for a table that a long transaction holds
LOCK_WAIT = 60
TABLE_WAIT = 5


def _lock_restaurant(connection: Connection) -> None:
    """Allow one migration at a time, and none that queues for long behind an open transaction.

    The named lock belongs to the connection, not to the transaction, and ends with the connection.
    """
    connection.exec_driver_sql(f"SET SESSION lock_wait_timeout={TABLE_WAIT}")
    held = connection.exec_driver_sql(f"SELECT GET_LOCK('{LOCK_NAME}', {LOCK_WAIT})").scalar()
    connection.rollback()
    if held != 1:
        raise RuntimeError("another migration has been running for a minute; try again")


def run(engine: Engine) -> None:
    """Run each step in a transaction of its own (ineffective on MySQL, where DDL commits)."""
    with engine.connect() as connection:
        if connection.dialect.name != "sqlite":
            _lock_restaurant(connection)
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            transaction_per_migration=True,
            render_as_batch=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.invalidate()  # releases the named lock together with the connection


run(context.config.attributes["engine"])
