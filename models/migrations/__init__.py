"""How the database came to look as it does: Alembic, one step a file, run from code.

Expand first, deploy, contract a release later: the old code must run on the new schema, as it does
while a release goes on and after one was taken back (tests/compatibility/test_one_version_back.py).
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
    """Bring the database up to `revision`; does nothing when it is there already.

    Two at once wait for each other on MySQL and MariaDB; on SQLite the caller runs alone.
    """
    command.upgrade(_config(engine), revision)


def downgrade(engine: Engine, *, revision: str = "base") -> None:
    """Undo every step after `revision`, with the data it holds (tests, and a refused release)."""
    command.downgrade(_config(engine), revision)


def head() -> str:
    """The revision this code wants."""
    (found,) = ScriptDirectory.from_config(_config()).get_heads()
    return found


def knows(revision: str) -> bool:
    """Whether this code has that step; one that it has not is a later release's."""
    steps = ScriptDirectory.from_config(_config()).walk_revisions()
    return revision in {step.revision for step in steps}


def current(engine: Engine) -> str | None:
    """The revision the database is at; None when it is empty."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()
