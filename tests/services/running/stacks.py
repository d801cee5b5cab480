"""A running installation with its own Redis, mail server and database."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.services.running.schema import create_tables
from tests.services.running.stack import Stack
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.mariadb import MariaDB
from tests.services.servers.redis import RedisServer


@contextmanager
def open_stack(
    folder: Path, server: MariaDB | None, env: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """Start a stack on a new database of `server`, or on SQLite; remove everything afterwards.

    `env`: further environment variables of its processes.
    """
    redis = RedisServer(folder / "redis", kind="valkey" if server is None else "redis")
    redis.start()
    if server is None:
        url = f"sqlite:///{folder / 'restaurant.sqlite3'}"
    else:
        url = server.new_database(f"stack_{secrets.token_hex(4)}")  # several may run beside it
    create_tables(url)
    box = Mailbox()
    box.start()
    running = Stack(folder, database_url=url, redis=redis, mailbox=box, mariadb=server)
    running.env |= env or {}
    for process in running.processes.values():
        process.env |= running.env
    try:
        running.start()
        yield running
    finally:
        running.stop()
        box.stop()
        redis.kill()
