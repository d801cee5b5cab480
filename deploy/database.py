"""The database's schema, brought up to what this release wants: `python -m deploy.database`."""

from models import migrations
from models.core.db import engine
from models.core.log import configure_logging


def migrate() -> tuple[str | None, str]:
    """Run the migrations that are missing. Returns the revision before, and the one now.

    Safe to run twice, and by two processes at once. The database itself must be there.
    """
    before = migrations.current(engine())
    migrations.upgrade(engine())
    return before, migrations.head()


def main() -> None:
    """Migrate, and say what was done."""
    configure_logging()
    before, now = migrate()
    print(f"schema {now} (was {before or 'empty'})" if before != now else f"schema {now}: current")


if __name__ == "__main__":
    main()
