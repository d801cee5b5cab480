"""The database account in a file, for the database's programs: arguments are visible to all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL

from models.core.settings import settings


@contextmanager
def account_file(url: URL) -> Iterator[Path]:
    """Yield an option file (mode 600) with host and password of `url`; deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="maitred-") as folder:
        path = Path(folder) / "account.cnf"
        with open(path, "x", encoding="utf-8", opener=_private) as file:
            file.write(option_text(url))
        yield path


def option_text(url: URL) -> str:
    """Return a `[client]` group with which the database's programs reach the server of `url`.

    With DATABASE_CA over TLS, as in `models.core.tls`.
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
        # not a word such as ON: MariaDB's client library reads it as 0, and would check nothing
        values |= {"ssl-ca": str(authority.absolute()), "ssl-verify-server-cert": "1"}
    lines = [f'{name}="{_escaped(str(value))}"' for name, value in values.items() if value]
    return "\n".join(("[client]", *lines, ""))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
