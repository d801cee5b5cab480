"""The interfaces that two releases share: `python -m tests.compatibility.surface` writes them.

Written into `released.json` when a release is made (docs/releases.md); compared with the code by
`test_one_version_back`.
"""

import inspect
import json
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, UniqueConstraint

import models.entities  # noqa: F401 - fills Base.metadata
from models.core.database.transactions import Base
from tasks.app import MODULES, app
from tasks.queues import TASKS

RELEASED: Final = Path(__file__).with_name("released.json")


def surface() -> dict[str, Any]:
    """Tasks with their arguments and queues, tables with their columns and unique keys."""
    for module in MODULES:
        app.loader.import_task_module(module)
    tables = sorted(Base.metadata.tables.items())
    return {
        "tasks": {name: _task(name) for name in sorted(TASKS)},
        "tables": {
            name: {
                "columns": {column.name: _column(column) for column in table.columns},
                "unique": sorted(
                    ",".join(column.name for column in one.columns)
                    for one in table.constraints
                    if isinstance(one, UniqueConstraint)
                )
                + sorted(
                    ",".join(column.name for column in one.columns)
                    for one in table.indexes
                    if one.unique
                ),
            }
            for name, table in tables
        },
    }


def _task(name: str) -> dict[str, Any]:
    parameters = inspect.signature(app.tasks[name].run).parameters.values()
    return {
        "queue": TASKS[name].queue,
        "arguments": {one.name: one.default is one.empty for one in parameters},
    }


def _column(column: Column[Any]) -> dict[str, Any]:
    filled = column.nullable or column.server_default is not None or column.autoincrement is True
    length = getattr(column.type, "length", None)
    kind = type(column.type).__name__
    return {
        "type": kind,
        "length": length,
        "nullable": column.nullable,
        "may be left out": bool(filled or column.primary_key),
    }


if __name__ == "__main__":
    RELEASED.write_text(json.dumps(surface(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
