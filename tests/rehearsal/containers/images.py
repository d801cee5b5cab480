"""Each image of the compose file: its additions to this machine's programs."""

import json
import os
import re
import sys
from pathlib import Path

from tests.architecture.tree import ROOT
from tests.rehearsal.containers.box import Image
from tests.services.servers.mysql import PLACE

BIN = Path(sys.executable).parent
MAITRED = 10001
MYSQL, REDIS = 999, 999
_PATH = f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def words_of(instruction: str) -> tuple[str, ...]:
    """The words of the last CMD or HEALTHCHECK of the Dockerfile."""
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    found = re.findall(rf"^{instruction} [^\[]*(\[.*\])$", text, re.MULTILINE)[-1]
    return tuple(json.loads(found))


def mysqld() -> Path | None:
    """The MySQL that `sh .ci/mysql` installs; None: MariaDB replaces it."""
    found = Path(os.environ.get(PLACE) or ROOT / "build" / "mysql").absolute() / "mysqld"
    return found if found.exists() else None


def maitred() -> Image:
    """The image of deploy/Dockerfile, with this clone as /src."""
    closed = (MAITRED, 0o700)
    return Image(
        uid=MAITRED,
        env={
            "PATH": _PATH,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        command=words_of("CMD"),
        healthcheck=words_of("HEALTHCHECK"),
        cwd="/var/lib/maitred",
        folders={
            "/var/lib/maitred": (MAITRED, 0o755),
            "/var/lib/maitred/keys": closed,
            "/var/lib/maitred/sms": closed,
            "/var/lib/maitred/backups": closed,
            "/var/lib/maitred/spool": closed,
            "/var/lib/maitred/sockets": (MAITRED, 0o755),
            "/var/tmp": (0, 0o1777),
        },
        # the file's tmpfs hides a clone below /tmp
        programs=(str(ROOT), sys.prefix, sys.base_prefix),
    )


def nginx() -> Image:
    """nginx's own image links its logs to where the engine reads them."""
    return Image(
        env={"PATH": _PATH},
        folders={"/var/log/nginx": (0, 0o755)},
        links={
            "/var/log/nginx/error.log": "/dev/stderr",
            "/var/log/nginx/access.log": "/dev/stdout",
        },
    )


def redis() -> Image:
    """Redis' image gives its own user the folder /data."""
    return Image(env={"PATH": _PATH}, cwd="/data", folders={"/data": (REDIS, 0o755)})


def mysql() -> Image:
    """MySQL's image creates a first database by its entrypoint, which mysql.sh replaces.

    The entrypoint fills an empty data folder with the account and the database of the environment,
    by a server without a port; then it runs the server with the file's arguments.
    """
    return Image(
        env={"PATH": _PATH} | ({"MYSQLD": str(found)} if (found := mysqld()) else {}),
        folders={"/var/lib/mysql": (0, 0o700), "/run/mysqld": (0, 0o755)},
        files={"/docker-entrypoint.sh": str(Path(__file__).with_name("mysql.sh"))},
        entrypoint=("sh", "/docker-entrypoint.sh"),
    )
