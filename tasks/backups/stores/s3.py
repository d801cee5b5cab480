"""Backups in a bucket of S3, or of what speaks its language (boto3; the extra `s3`).

Whoever the house is there is told by AWS's own variables and files (`AWS_ACCESS_KEY_ID`,
`AWS_PROFILE`, ...). In a bucket that keeps versions, deleting only hides; with BACKUP_LOCK_DAYS
nobody can do more than that for so long, and all that is kept stays locked (`hold`).
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
from tasks.backups.faults import StoreFailed
from tasks.backups.stores.s3_streams import Download, Upload
from tasks.backups.stores.store import DEAD_AFTER, Look, try_out

log = logging.getLogger(__name__)

#: Seconds; a request that failed for a passing reason is sent again, ATTEMPTS times in all.
CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 30
ATTEMPTS: Final = 4
#: Nobody ends this lock before its time, not even the account's owner.
_LOCK: Final = "COMPLIANCE"
_BUFFER: Final = 1 << 20
#: AWS's word for a file without a lock, and SeaweedFS's
_UNLOCKED: Final = frozenset(
    {"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"}
)
_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})


class S3Store:
    """Objects of one bucket whose keys begin with one prefix."""

    def __init__(self, address: str, *, lock_days: int = 0) -> None:
        """`address` is `s3://bucket/prefix`, with `?region=`, `endpoint=`, `profile=` if need be.

        Nothing is asked of the bucket yet.
        """
        parts = urlsplit(address)
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self._bucket = parts.netloc
        self._prefix = f"{parts.path.strip('/')}/".lstrip("/")
        self._lock_days = lock_days
        self.label = f"s3://{self._bucket}/{self._prefix}".rstrip("/")
        with self._telling():
            self._client = _client(asked)

    @contextmanager
    def write(self, name: str) -> Iterator[BinaryIO]:
        """A file to write, in parts while it grows; there when the block ends without an error."""
        with self._telling():
            where = {"Bucket": self._bucket, "Key": self._prefix + name, **self._locked()}
            upload = Upload(self._client, where)
            try:
                yield cast("BinaryIO", upload)
                upload.finish()
            finally:
                upload.abort()

    @contextmanager
    def read(self, name: str) -> Iterator[BinaryIO]:
        """The file of that name, as it comes over the line. Raises FileNotFoundError."""
        with self._telling():
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
        """Every whole file whose name begins so, sorted."""
        return sorted(name for name, _ in self._listed(prefix))

    def delete(self, name: str) -> None:
        """Hide it where the bucket keeps versions; forget it elsewhere."""
        with self._telling():
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)

    def tidy(self) -> None:
        """Give up the parts that were sent of files that never became whole."""
        for upload in self._pages("list_multipart_uploads", "Uploads"):
            if clock.now() - upload["Initiated"] < DEAD_AFTER:
                continue  # somebody else may be writing it
            where = {"Bucket": self._bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]}
            with self._telling():
                self._client.abort_multipart_upload(**where)

    def hold(self) -> int:
        """Lock for BACKUP_LOCK_DAYS from now what is locked for less than half of them.

        So all that is kept is locked, and what no longer is can be removed so many days later.
        """
        if not self._lock_days:
            return 0
        now, held = clock.now(), 0
        soon = now + timedelta(days=self._lock_days / 2)
        for name, written in self._listed():
            if written + timedelta(days=self._lock_days) > soon:
                continue  # locked when it was written, and that is not long ago
            where = {"Bucket": self._bucket, "Key": self._prefix + name}
            with self._telling():
                if self._locked_until(where) < soon:
                    until = now + timedelta(days=self._lock_days)
                    lock = {"Mode": _LOCK, "RetainUntilDate": until}
                    self._client.put_object_retention(**where, Retention=lock)
                    held += 1
        return held

    def bring_back(self, since: datetime) -> list[str]:
        """Put what was there then on top of whatever hides or replaces it since; nothing goes."""
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
                hidden.add(marker["Key"])  # it was deleted then already
        back = sorted(touched & older.keys() - hidden)
        for key in back:
            source = {"Bucket": self._bucket, "Key": key, "VersionId": older[key]["VersionId"]}
            with self._telling():
                self._client.copy(source, self._bucket, key, ExtraArgs=self._locked())
        return [key.removeprefix(self._prefix) for key in back]

    def check(self) -> Sequence[Look]:
        """Written, read, deleted from; versions, lock, and what becomes of old versions."""
        found = [try_out(self)]
        with self._telling():
            said = self._client.get_bucket_versioning(Bucket=self._bucket)
            found.append(Look(said.get("Status") == "Enabled", "the bucket keeps versions"))
            found.append(self._look_at_lock())
            found.append(self._look_at_lifecycle())
        return found

    def _look_at_lock(self) -> Look:
        said = self._asked("get_object_lock_configuration", "ObjectLockConfiguration")
        can_lock = said.get("ObjectLockEnabled") == "Enabled"
        if not self._lock_days:
            return Look(False, "nothing is locked: BACKUP_LOCK_DAYS is 0")
        return Look(can_lock, f"what is written is locked for {self._lock_days} days")

    def _look_at_lifecycle(self) -> Look:
        rules = self._asked("get_bucket_lifecycle_configuration", "Rules") or []
        ends = any("NoncurrentVersionExpiration" in rule for rule in rules)
        return Look(ends, "a rule of the bucket removes old versions (they cost money)")

    def _asked(self, question: str, part: str) -> Any:
        """What the bucket has been told of this; empty where it has not, or cannot be."""
        try:
            return getattr(self._client, question)(Bucket=self._bucket).get(part, {})
        except ClientError as error:
            log.info("the bucket was not told", extra={"what": question, "code": _code(error)})
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
        with self._telling():
            for page in self._client.get_paginator(question).paginate(**where):
                yield from page.get(part, ())

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """What went wrong in one line that names the store."""
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
        # a server that is named here has its buckets as paths
        s3={"addressing_style": "path"} if "endpoint" in asked else None,
    )
    return session.client("s3", endpoint_url=asked.get("endpoint"), config=config)


def _when(version: dict[str, Any] | None) -> datetime:
    return version["LastModified"] if version else datetime.min.replace(tzinfo=UTC)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))
