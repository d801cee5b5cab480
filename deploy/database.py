"""Migrate the database schema to this release: `python -m deploy.database`."""

from sqlalchemy import inspect, text

from models import migrations
from models.core.database.connections import patience
from models.core.database.transactions import engine
from models.core.errors import SettingsInvalid
from models.core.observe.logs import configure_logging
from models.core.secrets.encryption import ensure_keyset
from models.core.settings import settings


def migrate() -> tuple[str | None, str]:
    """Run the missing migrations. Return the revision before and the revision now.

    Safe to repeat, and to run in two processes concurrently. The database itself must exist. A
    later release's schema is left unchanged: it only adds to the one this release needs. Creates
    the keyset if it is missing. Raises SettingsInvalid if it is missing but guests are already
    encrypted, because a new keyset could decrypt none of them.
    """
    with patience():  # adding a column to millions of rows takes long
        return _migrate()


def _migrate() -> tuple[str | None, str]:
    before = migrations.current(engine())
    if not settings().keyset_file.exists() and _has_sealed_guests():
        raise SettingsInvalid(
            f"KEYSET_FILE: {settings().keyset_file} is missing; it is needed to "
            "decrypt the guests of this database: restore it (docs/recovery.md)"
        )
    ensure_keyset()
    if before is not None and not migrations.knows(before):
        return before, before
    migrations.upgrade(engine())
    return before, migrations.head()


def _has_sealed_guests() -> bool:
    with engine().connect() as connection:
        columns = (
            inspect(connection).get_columns("reservations")
            if inspect(connection).has_table("reservations")
            else []
        )
        if not any(column["name"] == "guest_sealed" for column in columns):
            return False
        query = text("SELECT 1 FROM reservations WHERE guest_sealed IS NOT NULL LIMIT 1")
        return connection.scalar(query) is not None


def main() -> None:
    """Migrate, and print the result."""
    configure_logging()
    before, now = migrate()
    if before != now:
        print(f"schema {now} (was {before or 'empty'})")
    elif now == migrations.head():
        print(f"schema {now}: current")
    else:
        print(f"schema {now}: a later release's, not changed (this one's is {migrations.head()})")


if __name__ == "__main__":
    main()
