"""Fixtures: a MySQL server with a binary log, and a follower of it, as the log's tests have."""

from tests.backups.conftest import hands, kept, safe
from tests.backups.log.conftest import database_url, follower, server, settled, spool, stand

__all__ = [
    "database_url",
    "follower",
    "hands",
    "kept",
    "safe",
    "server",
    "settled",
    "spool",
    "stand",
]
