"""What each image of the compose file has beside this machine's programs."""

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
    """The MySQL that `sh .ci/mysql` brings; None: MariaDB stands for it."""
    found = Path(os.environ.get(PLACE) or ROOT / "build" / "mysql").absolute() / "mysqld"
    return found if found.exists() else None


def maitred() -> Image:
    """The image that deploy/Dockerfile builds: this clone stands for /src."""
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
    )


def nginx() -> Image:
    """nginx's own image writes its logs to where the engine reads them."""
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
    """MySQL's image makes a first database by its entrypoint, which mysql.sh stands for.

    What the entrypoint does: an empty data folder is filled, with the account and the database that
    the environment names, by a server without a port; then the server runs with the file's words.
    """
    return Image(
        env={"PATH": _PATH} | ({"MYSQLD": str(found)} if (found := mysqld()) else {}),
        folders={"/var/lib/mysql": (0, 0o700), "/run/mysqld": (0, 0o755)},
        files={"/docker-entrypoint.sh": str(Path(__file__).with_name("mysql.sh"))},
        entrypoint=("sh", "/docker-entrypoint.sh"),
    )
