"""Backups in a bucket of S3 or of a compatible server (boto3; the extra `s3`).

Credentials come from AWS's own variables and files (`AWS_ACCESS_KEY_ID`, `AWS_PROFILE`, ...). In a
bucket with versioning, a deletion only hides the file. With BACKUP_LOCK_DAYS nobody can do more
than that for so many days, and all stored files stay locked (`hold`).
"""

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, Final, cast
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from models.core import clock
from models.core.atomic_files import DEAD_AFTER
from tasks.backups.faults import StoreFailed
from tasks.backups.stores.s3_streams import Download, Upload
from tasks.backups.stores.store import StoreCheck, try_out

log = logging.getLogger(__name__)

#: Timeouts in seconds. After a temporary failure a request is sent again, ATTEMPTS times in all.
CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 30
ATTEMPTS: Final = 4
#: A mode in which nobody can end a lock early, not even the account's owner.
_LOCK: Final = "COMPLIANCE"
_BUFFER: Final = 1 << 20
#: error codes for a file without a lock, of AWS and of SeaweedFS
_UNLOCKED: Final = frozenset(
    {"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"}
)
_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})


class S3Store:
    """Objects of one bucket whose keys begin with one prefix."""

    def __init__(self, address: str, *, lock_days: int = 0) -> None:
        """`address`: `s3://bucket/prefix`, optionally with `?region=`, `endpoint=`, `profile=`.

        Sends no request yet.
        """
        parts = urlsplit(address)
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self._bucket = parts.netloc
        self._prefix = f"{parts.path.strip('/')}/".lstrip("/")
        self._lock_days = lock_days
        self.label = f"s3://{self._bucket}/{self._prefix}".rstrip("/")
        with self._store_errors():
            self._client = _client(asked)

    @contextmanager
    def write(self, name: str) -> Iterator[BinaryIO]:
        """Yield a file to write, uploaded in parts; it exists when the block ends without error."""
        with self._store_errors():
            where = {"Bucket": self._bucket, "Key": self._prefix + name, **self._locked()}
            upload = Upload(self._client, where)
            try:
                yield cast("BinaryIO", upload)
                upload.finish()
            finally:
                upload.abort()

    @contextmanager
    def read(self, name: str) -> Iterator[BinaryIO]:
        """Yield the file of that name, streamed. Raises FileNotFoundError."""
        with self._store_errors():
            try:
                where = {"Bucket": self._bucket, "Key": self._prefix + name}
                found = Download(self._client, where)
            except ClientError as error:
                if _code(error) in _MISSING:
                    raise FileNotFoundError(name) from error
                raise
            with io.BufferedReader(found, _BUFFER) as file:
                yield cast("BinaryIO", file)

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of all complete files that start with `prefix`, sorted."""
        return sorted(name for name, _ in self._listed(prefix))

    def delete(self, name: str) -> None:
        """Hide the file if the bucket has versioning, else delete it."""
        with self._store_errors():
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)

    def tidy(self) -> None:
        """Discard the parts of uploads that were never completed, once DEAD_AFTER old."""
        for upload in self._pages("list_multipart_uploads", "Uploads"):
            if clock.now() - upload["Initiated"] < DEAD_AFTER:
                continue  # another process may still be writing it
            where = {"Bucket": self._bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]}
            with self._store_errors():
                self._client.abort_multipart_upload(**where)

    def hold(self) -> int:
        """Extend locks of less than half BACKUP_LOCK_DAYS to the full number; return how many.

        So all retained files are locked, and others can be removed at most that many days later.
        """
        if not self._lock_days:
            return 0
        now, held = clock.now(), 0
        soon = now + timedelta(days=self._lock_days / 2)
        for name, written in self._listed():
            if written + timedelta(days=self._lock_days) > soon:
                continue  # the lock of a recent write still lasts
            where = {"Bucket": self._bucket, "Key": self._prefix + name}
            with self._store_errors():
                if self._locked_until(where) < soon:
                    until = now + timedelta(days=self._lock_days)
                    lock = {"Mode": _LOCK, "RetainUntilDate": until}
                    self._client.put_object_retention(**where, Retention=lock)
                    held += 1
        return held

    def bring_back(self, since: datetime) -> list[str]:
        """Restore the versions of that time over later deletions and versions; delete nothing.

        Return the names of the restored files.
        """
        older: dict[str, dict[str, Any]] = {}
        touched, hidden = set[str](), set[str]()
        for one in self._pages("list_object_versions", "Versions"):
            if one["LastModified"] >= since:
                touched.add(one["Key"])
            elif _when(one) > _when(older.get(one["Key"])):
                older[one["Key"]] = one
        for marker in self._pages("list_object_versions", "DeleteMarkers"):
            if marker["LastModified"] >= since:
                touched.add(marker["Key"])
            elif _when(marker) > _when(older.get(marker["Key"])):
                hidden.add(marker["Key"])  # already deleted at that time
        back = sorted(touched & older.keys() - hidden)
        for key in back:
            source = {"Bucket": self._bucket, "Key": key, "VersionId": older[key]["VersionId"]}
            with self._store_errors():
                self._client.copy(source, self._bucket, key, ExtraArgs=self._locked())
        return [key.removeprefix(self._prefix) for key in back]

    def check(self) -> Sequence[StoreCheck]:
        """Check writing, reading, deleting, versioning, locks, and the expiry of old versions."""
        found = [try_out(self)]
        with self._store_errors():
            said = self._client.get_bucket_versioning(Bucket=self._bucket)
            found.append(StoreCheck(said.get("Status") == "Enabled", "the bucket keeps versions"))
            found.append(self._check_lock())
            found.append(self._check_lifecycle())
        return found

    def _check_lock(self) -> StoreCheck:
        said = self._configuration("get_object_lock_configuration", "ObjectLockConfiguration")
        can_lock = said.get("ObjectLockEnabled") == "Enabled"
        if not self._lock_days:
            return StoreCheck(False, "nothing is locked: BACKUP_LOCK_DAYS is 0")
        return StoreCheck(can_lock, f"files are locked for {self._lock_days} days")

    def _check_lifecycle(self) -> StoreCheck:
        rules = self._configuration("get_bucket_lifecycle_configuration", "Rules") or []
        ends = any("NoncurrentVersionExpiration" in rule for rule in rules)
        return StoreCheck(
            ends, "a lifecycle rule of the bucket deletes old versions (they cost money)"
        )

    def _configuration(self, question: str, part: str) -> Any:
        """Return a part of the bucket's configuration; {} where it is not set or not supported."""
        try:
            return getattr(self._client, question)(Bucket=self._bucket).get(part, {})
        except ClientError as error:
            log.info("bucket setting not readable", extra={"what": question, "code": _code(error)})
            return {}

    def _locked(self) -> dict[str, Any]:
        if not self._lock_days:
            return {}
        until = clock.now() + timedelta(days=self._lock_days)
        return {"ObjectLockMode": _LOCK, "ObjectLockRetainUntilDate": until}

    def _locked_until(self, where: dict[str, str]) -> datetime:
        try:
            found: datetime = self._client.get_object_retention(**where)["Retention"][
                "RetainUntilDate"
            ]
        except ClientError as error:
            if _code(error) in _UNLOCKED:
                return clock.now()
            raise
        return found

    def _listed(self, prefix: str = "") -> Iterator[tuple[str, datetime]]:
        for one in self._pages("list_objects_v2", "Contents", prefix):
            name = one["Key"].removeprefix(self._prefix)
            if name and "/" not in name:
                yield name, one["LastModified"]

    def _pages(self, question: str, part: str, prefix: str = "") -> Iterator[dict[str, Any]]:
        where = {"Bucket": self._bucket, "Prefix": self._prefix + prefix}
        with self._store_errors():
            for page in self._client.get_paginator(question).paginate(**where):
                yield from page.get(part, ())

    @contextmanager
    def _store_errors(self) -> Iterator[None]:
        """Convert errors into StoreFailed, with one line that names the store."""
        try:
            yield
        except ClientError as error:
            said = error.response.get("Error", {}).get("Message", "")
            raise StoreFailed(f"{self.label}: {_code(error)} {said}".rstrip()) from error
        except BotoCoreError as error:
            raise StoreFailed(f"{self.label}: {error}") from error


def _client(asked: dict[str, str]) -> Any:
    session = boto3.Session(profile_name=asked.get("profile"), region_name=asked.get("region"))
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        # other servers than AWS's have the bucket in the path
        s3={"addressing_style": "path"} if "endpoint" in asked else None,
    )
    return session.client("s3", endpoint_url=asked.get("endpoint"), config=config)


def _when(version: dict[str, Any] | None) -> datetime:
    return version["LastModified"] if version else datetime.min.replace(tzinfo=UTC)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))
