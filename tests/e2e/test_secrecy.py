"""After an evening no stored data shows guests in plain text: database, Redis, logs."""

import os
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from tests.services.running.stack import Stack, evening

pytestmark = pytest.mark.both


def everything(stack: Stack) -> dict[str, bytes]:
    """Return all stored data by name, as an attacker would copy it."""
    with stack.redis.client() as client:
        client.save()
        (folder,) = client.config_get("dir").values()
    found = {path.name: path.read_bytes() for path in stack.folder.glob("*.log")}
    found["redis"] = (Path(folder) / "dump.rdb").read_bytes()
    if stack.mariadb is None:
        files = {path.name: path.read_bytes() for path in stack.folder.glob("*.sqlite3*")}
        assert files
        return found | files
    url = make_url(stack.env["DATABASE_URL"])
    dump = shutil.which("mariadb-dump") or "mysqldump"
    argv = [dump, f"--host={url.host}", f"--port={url.port}", f"--user={url.username}"]
    argv += ["--skip-ssl", "--hex-blob", str(url.database)]
    password = {"MYSQL_PWD": url.password or ""}
    done = subprocess.run(argv, capture_output=True, check=True, env=os.environ | password)
    found["dump"] = done.stdout
    return found


def test_no_guest_can_be_read_in_logs_or_files(stack: Stack) -> None:
    restaurant = stack.open_restaurant(tables={"1": ("hall", 1, 4)})
    mark = uuid.uuid4().hex[:10]
    digits = str(uuid.uuid4().int)[:8]
    secrets = [f"Name{mark}", f"mail{mark}", f"4915{digits}", f"Allergic{mark}"]
    email = f"{secrets[1]}@guests.example"
    who: dict[str, Any] = {"name": secrets[0], "email": email, "note": secrets[3]}
    who["start"] = evening(2)
    asked = [
        stack.post(restaurant, phone=f"+{secrets[2]}", party_size=size, **who) for size in (2, 9)
    ]
    stack.wait_decided(each.id for each in asked)
    stack.patch(asked[0], wait=5, party_size=3)
    stack.patch(asked[0], note=f"{secrets[3]} to nuts")
    stack.cancel(asked[0])
    # a refused request passes through the error handling
    broken = stack.post(restaurant, phone=f"{secrets[2]}x", **who)
    assert broken.status == 422
    stack.wait_quiet()
    assert stack.mailbox.mails(email), "the guest herself was told"
    for name, content in everything(stack).items():
        assert content, name
        for secret in secrets:
            assert secret.encode() not in content, f"{secret} is in {name}"
            assert secret.encode().hex().upper().encode() not in content, f"{secret} is in {name}"
