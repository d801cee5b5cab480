"""A fake AWS KMS: moto's server, over HTTP."""

import shutil
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.services.missing import go_without
from tests.services.ports import free_port, is_listening
from tests.services.running.process import Process
from tests.services.running.surroundings import SECRET

REGION = "eu-central-1"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "maitred-of-the-tests",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null/nowhere",
}


class KeyService:
    """One server on a free port; a restart loses every key."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        beside = str(Path(sys.executable).parent)
        program = shutil.which("moto_server", path=beside) or go_without("moto (moto[server])")
        argv = [program, "--host", "127.0.0.1", "--port", str(self.port)]
        self.log = folder / "kms.log"
        self._process = Process("kms", argv, log=self.log)

    @property
    def endpoint(self) -> str:
        """For AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it listens."""
        self._process.start()
        self._process.wait_ready(lambda: is_listening(self.port), seconds=60)

    def kill(self) -> None:
        self._process.kill()

    def client(self) -> Any:
        return boto3.client(
            "kms",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ENVIRONMENT["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 2}),
        )

    def new_key(self) -> str:
        """Create a key; return its name for MASTER_KEY."""
        return "aws-kms://" + str(self.client().create_key()["KeyMetadata"]["Arn"])

    def calls(self) -> int:
        """The number of requests so far."""
        return self.log.read_text(encoding="utf-8", errors="replace").count('"POST / HTTP/1.1"')
