"""Who signs in at the database: a file for its programs, since arguments are seen by everybody."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL

from models.core.settings import settings


@contextmanager
def account_file(url: URL) -> Iterator[Path]:
    """An option file (mode 600) with host and password of `url`; gone at the end."""
    with tempfile.TemporaryDirectory(prefix="maitred-") as folder:
        path = Path(folder) / "account.cnf"
        with open(path, "x", encoding="utf-8", opener=_private) as file:
            file.write(option_text(url))
        yield path


def option_text(url: URL) -> str:
    """The `[client]` group of a URL: what its programs need to reach the same server.

    With DATABASE_CA over TLS, as `models.core.tls` has it.
    """
    local = url.query.get("unix_socket")
    values = {
        "user": url.username,
        "password": url.password and str(url.password),
        "socket": local,
        "host": None if local else url.host,
        "port": None if local else url.port and str(url.port),
        "protocol": None if local else "tcp",
    }
    authority = None if local else settings().database_ca
    if authority is not None:
        # MariaDB's client library reads a word as 0 there, and would trust anybody
        values |= {"ssl-ca": str(authority.absolute()), "ssl-verify-server-cert": "1"}
    lines = [f'{name}="{_escaped(str(value))}"' for name, value in values.items() if value]
    return "\n".join(("[client]", *lines, ""))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
