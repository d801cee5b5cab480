"""Restores a backup to a URL: an empty database on a server, or a new SQLite file."""

import tempfile
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL, inspect, make_url

from models.core.database.transactions import Base, make_engine
from tasks.backups.databases.account import account_file
from tasks.backups.databases.dialects import for_server
from tasks.backups.databases.scratch import engine_on, serving
from tasks.backups.databases.tools import feed, find_tool, output_of
from tasks.backups.examine import count_rows
from tasks.backups.faults import RestoreRefused
from tasks.backups.manifest import SQLITE_FILE
from tasks.backups.restore import Restored, restore_into
from tasks.backups.stores.safe import Safe

_CHUNK = 1 << 20


def restore_to_url(
    safe: Safe,
    url: str,
    *,
    name: str = "",
    to: datetime | None = None,
    with_log: bool = True,
    despite_findings: bool = False,
) -> Restored:
    """Restore, like `restore_into`, into the database of `url`, which must be empty.

    The backup is restored into a scratch folder and checked there first. Only then is the database
    filled, and emptied again if that fails. Raises as `restore_into`.
    """
    target = make_url(url)
    is_file = target.get_backend_name() == "sqlite"
    _check_empty(target)
    near = Path(target.database or "").absolute().parent if is_file else None
    if near is not None:
        near.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".maitred-", dir=near) as scratch:
        folder = Path(scratch) / "restored"
        restored = restore_into(
            safe, folder, name=name, to=to, with_log=with_log, despite_findings=despite_findings
        )
        if is_file != (restored.newest.engine == "sqlite"):
            raise RestoreRefused(
                f"a backup of {restored.newest.engine} cannot be restored to that URL"
            )
        if is_file:
            # a link, since that fails if a file was created there meanwhile
            Path(target.database or "").hardlink_to(folder / SQLITE_FILE)
        else:
            _fill(target, folder, restored)
    return restored


def _check_empty(target: URL) -> None:
    if target.get_backend_name() == "sqlite":
        if Path(target.database or "").exists():
            raise RestoreRefused(
                f"{target.database} exists already; a restore never overwrites anything"
            )
        return
    with engine_on(target) as bind:
        tables = inspect(bind).get_table_names()
    if tables:
        raise RestoreRefused(
            f"the database {target.database} is not empty ({len(tables)} tables); "
            "a restore never overwrites anything"
        )


def _fill(target: URL, folder: Path, restored: Restored) -> None:
    with engine_on(target) as bind:
        is_filled = False
        try:
            _copy(target, folder, restored.newest.database)
            rows = count_rows(bind)
            if rows != restored.examined.rows:
                raise RestoreRefused(f"{rows} of {restored.examined.rows} rows were restored")
            is_filled = True
        finally:
            if not is_filled:
                Base.metadata.drop_all(bind)
                with bind.begin() as connection:
                    connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")


def _copy(target: URL, folder: Path, database: str) -> None:
    with serving(folder) as server, account_file(target) as account:
        dump = [
            find_tool("mariadb-dump", "mysqldump"),
            "--no-defaults",
            "--user=root",
            f"--socket={server.query['unix_socket']}",
            "--single-transaction",
            "--quick",
            "--no-tablespaces",
            "--hex-blob",
            "--default-character-set=utf8mb4",
            database,
        ]
        load = [
            find_tool("mariadb", "mysql"),
            f"--defaults-file={account}",
            "--default-character-set=utf8mb4",
            str(target.database),
        ]
        with output_of(dump) as output:
            blocks = iter(lambda: output.read(_CHUNK), b"")
            fitting = for_server(blocks, made_by=_version(server), read_by=_version(target))
            feed(load, fitting, quiet=True)


def _version(url: URL) -> str:
    bind = make_engine(url.render_as_string(hide_password=False), pool_size=1)
    try:
        with bind.connect() as connection:
            return str(connection.exec_driver_sql("SELECT @@version").scalar_one())
    finally:
        bind.dispose()
