"""A bucket as a store: atomic writes, versions, locks, and one-line errors that name it."""

import random
import sys
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.core import clock
from models.core.errors import SettingsInvalid
from tasks.backups.faults import StoreFailed
from tasks.backups.stores import s3, s3_streams, safe
from tasks.backups.stores.s3 import S3Store
from tasks.backups.stores.store import Store
from tests.services.running import surroundings
from tests.services.running.process import wait_until
from tests.services.servers.breaking_line import BreakingLine
from tests.services.servers.seaweed import Seaweed

MB = 1 << 20
DAY = timedelta(days=1)


def _put(store: Store, name: str, content: bytes) -> None:
    with store.write(name) as file:
        file.write(content)


def _got(store: Store, name: str) -> bytes:
    with store.read(name) as file:
        return file.read()


def _bucket_of(address: str) -> str:
    return address.removeprefix("s3://").partition("/")[0]


def _versions(seaweed: Seaweed, address: str) -> list[dict[str, Any]]:
    found = seaweed.client().list_object_versions(Bucket=_bucket_of(address))
    versions: list[dict[str, Any]] = found.get("Versions", [])
    return versions


@pytest.fixture
def store(bucket: str) -> S3Store:
    return S3Store(bucket)


def test_a_file_is_there_when_it_is_whole(store: S3Store) -> None:
    with store.write("b.sealed") as file:
        file.write(b"half")
        assert store.names() == []
        file.write(b"whole")
    _put(store, "a.json", b"")
    assert store.names() == ["a.json", "b.sealed"]
    assert store.names("b") == ["b.sealed"]
    assert (_got(store, "b.sealed"), _got(store, "a.json")) == (b"halfwhole", b"")
    with pytest.raises(FileNotFoundError), store.read("none"):
        pass
    _put(store, "b.sealed", b"another")
    assert _got(store, "b.sealed") == b"another"
    store.delete("b.sealed")
    store.delete("b.sealed")
    assert store.names() == ["a.json"]


def test_two_prefixes_of_a_bucket_are_two_stores(store: S3Store, bucket: str) -> None:
    _put(store, "a", b"mine")
    other = S3Store(bucket.replace("/backups", "/backups-of-others"))
    _put(other, "b", b"theirs")
    assert (store.names(), other.names()) == (["a"], ["b"])
    assert S3Store(bucket.replace("/backups", "")).names() == []


def test_a_large_file_goes_in_parts_and_is_never_in_memory_as_a_whole(store: S3Store) -> None:
    block, count = random.Random(3).randbytes(MB), 40
    tracemalloc.start()
    with store.write("large") as file:
        for _ in range(count):
            file.write(block)
        file.write(b"end")
    read = 0
    with store.read("large") as file:
        while part := file.read(MB):
            assert part in (block, b"end")
            read += len(part)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read == count * MB + 3
    assert peak < 3.5 * s3_streams.PART < count * MB


def test_a_writer_that_fails_leaves_no_part(
    store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_streams, "PART", 5 * MB)
    with pytest.raises(ZeroDivisionError), store.write("half") as file:
        file.write(bytes(6 * MB))
        assert len(list(store._pages("list_multipart_uploads", "Uploads"))) == 1
        raise ZeroDivisionError
    assert store.names() == []
    assert list(store._pages("list_multipart_uploads", "Uploads")) == []


def test_what_a_killed_writer_left_is_cleared_away(
    store: S3Store, seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = {"Bucket": _bucket_of(store.label), "Key": "backups/dead.sealed"}
    client = seaweed.client()
    upload = client.create_multipart_upload(**where)["UploadId"]
    client.upload_part(**where, UploadId=upload, PartNumber=1, Body=bytes(5 * MB))
    store.tidy()
    assert len(list(store._pages("list_multipart_uploads", "Uploads"))) == 1
    later = clock.now() + timedelta(minutes=61)
    monkeypatch.setattr(clock, "now", lambda: later)
    store.tidy()
    assert list(store._pages("list_multipart_uploads", "Uploads")) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("s3://no-such-bucket/x?endpoint={0}", r"s3://no-such-bucket/x: NoSuchBucket"),
        ("s3://b/x?endpoint=http://127.0.0.1:1", r"s3://b/x: Could not connect"),
        ("s3://b/x?profile=nobody", r"s3://b/x: .*profile \(nobody\)"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_that_names_the_store(
    seaweed: Seaweed, wrong: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "ATTEMPTS", 1)
    with pytest.raises(StoreFailed, match=said):
        S3Store(wrong.format(seaweed.endpoint)).names()


def test_a_refused_sign_in_is_reported(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    refused = S3Store(bucket)
    with pytest.raises(StoreFailed, match="SignatureDoesNotMatch"):
        refused.names()
    with pytest.raises(StoreFailed, match="SignatureDoesNotMatch"):
        _put(refused, "a", b"x")


def test_the_address_decides_what_kind_of_store_it_is(
    service_env: dict[str, str], bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(safe.open_store(bucket), S3Store)
    for wrong in ("s3://", "s3://UPPER", "s3://b/x?region=", "s3://b?key=1", "ftp://b/x"):
        values = {"BACKUP_STORE": wrong, "BACKUP_KEY": "k" * 32}
        with pytest.raises(SettingsInvalid, match="BACKUP_STORE"):
            surroundings.settle(monkeypatch, service_env | values)
            safe.open_safe()


def test_without_the_library_it_is_said_what_to_install(
    service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.delitem(sys.modules, "tasks.backups.stores.s3")
    with pytest.raises(SettingsInvalid, match=r"extra `s3`"):
        safe.open_store("s3://bucket/x")


# --- the connection


@pytest.fixture
def line(seaweed: Seaweed) -> Iterator[BreakingLine]:
    """A connection to the server that the tests break."""
    with BreakingLine(seaweed.port) as between:
        yield between


def test_a_line_that_breaks_now_and_then_is_taken_up_again(
    bucket: str, line: BreakingLine, seaweed: Seaweed
) -> None:
    store = S3Store(bucket.replace(str(seaweed.port), str(line.port)))
    content = random.Random(5).randbytes(20 * MB)
    line.break_after(3 * MB, times=3)
    _put(store, "a", content)
    assert line.broken == 3
    line.break_after(3 * MB, times=4)
    assert _got(store, "a") == content
    assert line.broken == 7


def test_a_line_that_stays_broken_is_said_and_leaves_nothing(
    bucket: str, line: BreakingLine, seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "ATTEMPTS", 1)
    content = bytes(12 * MB)
    good = S3Store(bucket)
    store = S3Store(bucket.replace(str(seaweed.port), str(line.port)))
    line.break_after(2 * MB, times=99)
    with pytest.raises(StoreFailed, match=store.label):
        _put(store, "a", content)
    assert list(good._pages("list_multipart_uploads", "Uploads")) == []
    assert good.names() == []
    _put(good, "a", content)
    line.break_after(0, times=0)
    with pytest.raises(StoreFailed, match=store.label), store.read("a") as file:
        assert len(file.read(MB)) == MB
        line.break_after(1, times=99)
        file.read()


def test_a_file_that_became_another_meanwhile_is_not_read_on(
    bucket: str, line: BreakingLine, seaweed: Seaweed
) -> None:
    good = S3Store(bucket)
    store = S3Store(bucket.replace(str(seaweed.port), str(line.port)))
    _put(good, "a", bytes(6 * MB))
    line.break_after(4 * MB, times=1)
    with pytest.raises(StoreFailed, match="PreconditionFailed"), store.read("a") as file:
        file.read(MB)
        _put(good, "a", bytes(7 * MB))
        file.read()


# --- versions and locks


def test_what_is_locked_cannot_be_removed_and_comes_back(
    bucket: str, seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = S3Store(bucket, lock_days=4)
    monkeypatch.setattr(s3_streams, "PART", 5 * MB)
    _put(store, "a.json", b"mine")
    _put(store, "b.sealed", bytes(6 * MB))
    _put(store, "gone-before", b"x")
    store.delete("gone-before")
    client = seaweed.client()
    for one in _versions(seaweed, bucket):
        where = {"Bucket": _bucket_of(bucket), "Key": one["Key"], "VersionId": one["VersionId"]}
        with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
            client.delete_object(**where)
        with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
            client.delete_object(**where, BypassGovernanceRetention=True)
    since = _after_the_last(seaweed, bucket)
    store.delete("b.sealed")
    _put(store, "a.json", b"theirs")
    _put(store, "new.json", b"new")
    assert store.bring_back(since) == ["a.json", "b.sealed"]
    assert (_got(store, "a.json"), len(_got(store, "b.sealed"))) == (b"mine", 6 * MB)
    assert store.names() == ["a.json", "b.sealed", "new.json"]


def _after_the_last(seaweed: Seaweed, address: str) -> datetime:
    """Wait for the next whole second after every object: S3 has a resolution of seconds."""
    client = seaweed.client()
    found = client.list_object_versions(Bucket=_bucket_of(address))
    every = [*found.get("Versions", []), *found.get("DeleteMarkers", [])]
    after: datetime = max(one["LastModified"] for one in every).replace(microsecond=0)
    after += timedelta(seconds=1)
    surely = after + timedelta(milliseconds=50)
    wait_until(lambda: datetime.now(UTC) > surely, seconds=5, what="the next second")
    return after


def test_all_that_is_kept_stays_locked(
    bucket: str, seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = S3Store(bucket, lock_days=10)
    _put(store, "a.json", b"x")
    began = clock.now()

    def locked_for() -> float:
        where = {"Bucket": _bucket_of(bucket), "Key": "backups/a.json"}
        until = seaweed.client().get_object_retention(**where)["Retention"]["RetainUntilDate"]
        return float(round((until - began) / DAY, 2))

    assert (store.hold(), locked_for()) == (0, 10)
    monkeypatch.setattr(clock, "now", lambda: began + 4 * DAY)
    assert (store.hold(), locked_for()) == (0, 10)
    monkeypatch.setattr(clock, "now", lambda: began + 6 * DAY)
    assert (store.hold(), locked_for()) == (1, 16)
    assert store.hold() == 0  # it is locked for long enough, though it was written long ago
    assert S3Store(bucket).hold() == 0


def test_what_was_written_before_locks_were_asked_for_is_locked_then(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put(S3Store(bucket), "a.json", b"x")
    later = clock.now() + 6 * DAY
    monkeypatch.setattr(clock, "now", lambda: later)
    assert S3Store(bucket, lock_days=10).hold() == 1


def test_the_check_says_what_guards_a_bucket(bucket: str, seaweed: Seaweed) -> None:
    looks = S3Store(bucket, lock_days=3).check()
    assert [look.is_well for look in looks] == [True, True, True, False]
    seaweed.client().put_bucket_lifecycle_configuration(
        Bucket=_bucket_of(bucket),
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "old",
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
                }
            ]
        },
    )
    assert [look.is_well for look in S3Store(bucket, lock_days=3).check()] == [True] * 4
    plain = S3Store(f"s3://ready/backups?endpoint={seaweed.endpoint}")
    assert [look.is_well for look in plain.check()] == [True, False, False, False]
    assert plain.names() == []
