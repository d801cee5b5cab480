"""200 random damages of stored objects, in a folder and in a bucket: each is found and named."""

import io
import random
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from models.core import clock
from tasks.backups.manifest import MANIFEST, PIECE, Manifest, piece_about, write_manifest
from tasks.backups.stores.safe import Safe, open_safe
from tasks.backups.stores.sealed import seal_stream
from tasks.backups.stores.verify import Verified, verify_store
from tests.backups.conftest import BACKUP_KEY
from tests.services import plan
from tests.services.running import surroundings

SEGMENT = 1 << 20
Damage = Callable[[bytes, random.Random], bytes | None]


def _flip(content: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(content))
    changed = content[place] ^ (1 << chance.randrange(8))
    return content[:place] + bytes([changed]) + content[place + 1 :]


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def _cut_at_a_boundary(content: bytes, chance: random.Random) -> bytes:
    return content[: SEGMENT * chance.randrange(len(content) // SEGMENT + 1)]


def _lose(content: bytes, chance: random.Random) -> None:
    return None


def _add(content: bytes, chance: random.Random) -> bytes:
    return content + chance.randbytes(1 + chance.randrange(100))


def _blank(content: bytes, chance: random.Random) -> bytes:
    """Zero a run of bytes, as a bad sector does."""
    start = chance.randrange(len(content) - 8)
    end = min(len(content), start + 8 + chance.randrange(4096))
    return content[:start] + bytes(end - start) + content[end:]


DAMAGES: tuple[Damage, ...] = (_flip, _flip, _cut, _cut_at_a_boundary, _lose, _add, _blank)


def _says_the_same(one: bytes, other: bytes | None) -> bool:
    """Whether both are the same JSON but for white space."""
    try:
        return other is not None and bool(orjson.loads(one) == orjson.loads(other))
    except orjson.JSONDecodeError:
        return False


def _kept_backup(safe: Safe) -> str:
    """Make a backup of two segments without a database; return its name."""
    at, name = clock.now(), "20261120T190000Z-snapshot-ab12cd"
    about = piece_about(name, None, 0)
    plain = random.Random(3).randbytes(SEGMENT + 200_000)
    with safe.store.write(name + PIECE) as target:
        seal = seal_stream(io.BytesIO(plain), target, about=about, key=safe.key)
    rows = {"reservations": (1, 2)}
    manifest = Manifest(
        name, "snapshot", "sqlite", "3", "maitred", None, at, at, 0, 0, "0040", rows, seal
    )
    write_manifest(safe.store, manifest, safe.key)
    return name


def _put(safe: Safe, file: str, content: bytes | None) -> None:
    if content is None:
        safe.store.delete(file)
        return
    with safe.store.write(file) as target:
        target.write(content)


@pytest.mark.slow
@pytest.mark.parametrize(("where", "count"), [("folder", 165), ("bucket", 35)])
def test_each_of_200_random_damages_is_found_and_named(
    where: str,
    count: int,
    service_env: dict[str, str],
    kept: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    store = str(request.getfixturevalue("bucket")) if where == "bucket" else str(kept)
    values = service_env | {"BACKUP_STORE": store, "BACKUP_KEY": BACKUP_KEY}
    surroundings.settle(monkeypatch, values)
    safe, chance = open_safe(), random.Random(f"damages in a {where}")
    name = _kept_backup(safe)
    files = {}
    for file in (name + MANIFEST, name + PIECE):
        with safe.store.read(file) as stream:
            files[file] = stream.read()
    for number in range(count):
        file = name + (MANIFEST if number % 4 == 3 else PIECE)
        damage = DAMAGES[number % len(DAMAGES)]
        hurt: bytes | None = files[file]
        while hurt == files[file] or _says_the_same(files[file], hurt):
            hurt = damage(files[file], chance)
        _put(safe, file, hurt)
        wrong = verify_store(safe).wrong
        assert [text.partition(": ")[0] for text in wrong] == [file], (number, damage.__name__)
        _put(safe, file, files[file])
    assert verify_store(safe) == Verified(1, 0, [])
    plan.prove(
        line="backup-verified",
        target="embedded",
        how="seen",
        figure=f"{count} of {count} random damages named, in a {where}",
    )
