"""The tables of the tests' databases: made once, emptied between tests."""

from pathlib import Path

from sqlalchemy import Engine, create_engine

import models.entities  # noqa: F401  (the mapped classes register themselves)
from models.core.database.transactions import Base


def create_tables(url: str) -> None:
    """Create every table from the mapped classes; tests/migrations compares the migrations."""
    bind = create_engine(url)
    Base.metadata.create_all(bind)
    bind.dispose()


def sqlite_template(folder: Path) -> Path:
    """A SQLite file with every table and no row, to be copied."""
    path = folder / "template.sqlite3"
    create_tables(f"sqlite:///{path}")
    return path


def delete_rows(bind: Engine) -> None:
    """Empty every table; fast for few rows."""
    is_sqlite = bind.dialect.name == "sqlite"
    with bind.begin() as connection:
        if not is_sqlite:
            connection.exec_driver_sql("SET SESSION foreign_key_checks=0")
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
        if not is_sqlite:
            connection.exec_driver_sql("SET SESSION foreign_key_checks=1")
