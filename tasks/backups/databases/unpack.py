"""Unpacks a backup into a folder: the way back of `tasks.backups.databases.sources`."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import URL

from tasks.backups.databases.dialects import for_server
from tasks.backups.databases.scratch import engine_on, new_data, serving
from tasks.backups.databases.tools import feed, find_tool, run_tool
from tasks.backups.manifest import SQLITE_FILE, Manifest

#: Yields the content of a backup. It is valid only at the end, and raises if it is not.
Read = Callable[[Manifest], Iterator[bytes]]


def unpack(chain: list[Manifest], folder: Path, read: Read) -> None:
    """Unpack a full backup and the changes after it into `folder`, which exists and is empty.

    `folder` is then a server's data folder, or holds SQLITE_FILE. Raises BackupFailed, and the
    errors of `read`.
    """
    first, *rest = chain
    if first.kind == "snapshot":
        with (folder / SQLITE_FILE).open("xb") as file:
            for block in read(first):
                file.write(block)
    elif first.kind == "dump":
        _load_dump(first, folder, read)
    else:
        _extract(first, folder, read)
        _prepare(folder)
        for manifest in rest:
            # beside the data folder: the server takes a folder within it for a database
            changes = folder.with_name(f"{folder.name}-changes")
            changes.mkdir(mode=0o700)
            try:
                _extract(manifest, changes, read)
                _prepare(folder, changes)
            finally:
                shutil.rmtree(changes, ignore_errors=True)


def _extract(manifest: Manifest, folder: Path, read: Read) -> None:
    argv = [find_tool("mbstream"), "--extract", f"--directory={folder}"]
    feed(argv, read(manifest))


def _prepare(folder: Path, changes: Path | None = None) -> None:
    argv = [find_tool("mariadb-backup"), "--no-defaults", "--prepare", f"--target-dir={folder}"]
    if changes is not None:
        argv.append(f"--incremental-dir={changes}")
    run_tool(argv)


def _load_dump(manifest: Manifest, folder: Path, read: Read) -> None:
    new_data(folder)
    with serving(folder) as server:
        with engine_on(server) as bind, bind.connect() as connection:
            version = connection.exec_driver_sql("SELECT @@version").scalar_one()
            connection.exec_driver_sql(
                f"CREATE DATABASE `{manifest.database}` CHARACTER SET utf8mb4"
            )
        feed(
            _client(server.set(database=manifest.database)),
            for_server(read(manifest), made_by=manifest.engine_version, read_by=version),
            quiet=True,
        )


def _client(url: URL) -> list[str]:
    """Return the command line that runs SQL on a scratch server, which needs no password."""
    return [
        find_tool("mariadb", "mysql"),
        "--no-defaults",
        "--user=root",
        f"--socket={url.query['unix_socket']}",
        "--default-character-set=utf8mb4",
        "--init-command=SET SESSION foreign_key_checks=0, unique_checks=0",
        str(url.database),
    ]
