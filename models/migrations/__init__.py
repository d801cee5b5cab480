"""The database schema's history: Alembic, one step per file, run from code.

Expand first, deploy, contract a release later: the old code must run on the new schema, as it does
during a release and after a rollback (tests/compatibility/test_one_version_back.py).
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

FOLDER = Path(__file__).parent


def _config(engine: Engine | None = None) -> Config:
    config = Config()
    # Alembic reads a `%` in its options as the start of an interpolation
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["engine"] = engine
    return config


def upgrade(engine: Engine, *, revision: str = "head") -> None:
    """Upgrade the database to `revision`; does nothing if it is there already.

    On MySQL and MariaDB concurrent upgrades wait for each other; on SQLite there must be only one.
    """
    command.upgrade(_config(engine), revision)


def head() -> str:
    """The revision that this code requires."""
    (found,) = ScriptDirectory.from_config(_config()).get_heads()
    return found


def knows(revision: str) -> bool:
    """Whether this code contains that step; if not, it belongs to a later release."""
    steps = ScriptDirectory.from_config(_config()).walk_revisions()
    return revision in {step.revision for step in steps}


def current(engine: Engine) -> str | None:
    """The revision of the database; None if it is empty."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()
