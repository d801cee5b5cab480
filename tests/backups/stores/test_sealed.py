"""An encrypted piece is decrypted unchanged, or not at all."""

import hashlib
import io
import random
from dataclasses import replace
from typing import Any, BinaryIO, cast

import pytest
import zstandard
from tink import streaming_aead

from tasks.backups.faults import PieceDamaged, StoreFailed
from tasks.backups.stores.keys import MasterKey, master_key, new_keyset
from tasks.backups.stores.sealed import Seal, open_stream, seal_stream

KEY = master_key("only-for-tests-only-for-tests-only-for-tests")
ABOUT = "backup 20261120T190000Z-full-ab12 from 0"
SEGMENT = 1 << 20
PLACES = 200


class Unclosed(io.BytesIO):
    """A buffer that stays readable after `close`."""

    def close(self) -> None:
        pass


def _sealed(plain: bytes) -> tuple[bytes, Seal]:
    target = Unclosed()
    seal = seal_stream(io.BytesIO(plain), target, about=ABOUT, key=KEY)
    return target.getvalue(), seal


def _open(sealed: bytes, seal: Seal, *, about: str = ABOUT, key: MasterKey = KEY) -> bytes:
    opened = open_stream(io.BytesIO(sealed), seal, piece="the-piece", about=about, key=key)
    return b"".join(opened)


@pytest.fixture(scope="module")
def big() -> tuple[bytes, bytes, Seal]:
    plain = random.Random(3).randbytes(3 * SEGMENT + 77) + b"a table for two " * 10_000
    return (plain, *_sealed(plain))


@pytest.mark.parametrize("plain", [b"", b"x", b"a table for two " * 100_000])
def test_what_was_sealed_comes_back(plain: bytes) -> None:
    sealed, seal = _sealed(plain)
    assert _open(sealed, seal) == plain
    assert (seal.plain_size, seal.sealed_size) == (len(plain), len(sealed))


def test_several_segments_come_back(big: tuple[bytes, bytes, Seal]) -> None:
    plain, sealed, seal = big
    assert len(sealed) > 3 * SEGMENT
    assert _open(sealed, seal) == plain


def test_nothing_readable_is_stored_and_no_key_is_used_twice() -> None:
    one, first = _sealed(b"Ada Lovelace" * 1000)
    two, second = _sealed(b"Ada Lovelace" * 1000)
    assert b"Ada" not in one
    assert one != two
    assert first.wrapped_key != second.wrapped_key


def test_a_flipped_bit_anywhere_is_found(big: tuple[bytes, bytes, Seal]) -> None:
    _, sealed, seal = big
    chance = random.Random(11)
    ends = [0, 1, 39, 40, SEGMENT - 1, SEGMENT, 2 * SEGMENT, len(sealed) - 1]
    for place in ends + [chance.randrange(len(sealed)) for _ in range(PLACES - len(ends))]:
        hurt = bytearray(sealed)
        hurt[place] ^= 1 << chance.randrange(8)
        with pytest.raises(PieceDamaged, match="the-piece"):
            _open(bytes(hurt), seal)


def test_a_cut_anywhere_is_found(big: tuple[bytes, bytes, Seal]) -> None:
    _, sealed, seal = big
    chance = random.Random(12)
    boundaries = [0, 1, 40, SEGMENT, 2 * SEGMENT, 3 * SEGMENT, len(sealed) - 1, len(sealed) - 16]
    for end in boundaries + [chance.randrange(len(sealed)) for _ in range(PLACES - 8)]:
        with pytest.raises(PieceDamaged, match="the-piece"):
            _open(sealed[:end], seal)


def test_swapped_segments_and_what_was_added_are_found(big: tuple[bytes, bytes, Seal]) -> None:
    _, sealed, seal = big
    swapped = (
        sealed[:SEGMENT]
        + sealed[2 * SEGMENT : 3 * SEGMENT]
        + sealed[SEGMENT : 2 * SEGMENT]
        + sealed[3 * SEGMENT :]
    )
    for hurt in (swapped, sealed + b"x", sealed + sealed, sealed[:SEGMENT] + sealed):
        with pytest.raises(PieceDamaged, match="the-piece"):
            _open(hurt, seal)


def test_what_the_manifest_does_not_say_is_refused() -> None:
    sealed, seal = _sealed(b"one")
    for wrong in (replace(seal, plain_sha256="0" * 64), replace(seal, plain_size=4)):
        with pytest.raises(PieceDamaged, match="does not match its manifest"):
            _open(sealed, wrong)


def test_a_frame_after_the_first_is_refused() -> None:
    keyset, target = new_keyset(), Unclosed()
    primitive = keyset.primitive(streaming_aead.StreamingAead)
    with primitive.new_encrypting_stream(target, ABOUT.encode()) as encrypting:
        encrypting.write(zstandard.compress(b"one"))
        encrypting.write(zstandard.compress(random.Random(1).randbytes(3 * SEGMENT)))
    digest = hashlib.sha256(b"one").hexdigest()
    seal = Seal(KEY.id, KEY.wrap(keyset, about=ABOUT), 3, digest, len(target.getvalue()), "")
    with pytest.raises(PieceDamaged, match="the-piece"):
        _open(target.getvalue(), seal)


def test_another_place_another_key_and_another_piece_do_not_open() -> None:
    sealed, seal = _sealed(b"one")
    other, other_seal = _sealed(b"two")
    with pytest.raises(PieceDamaged, match="the-piece"):
        _open(sealed, seal, about="backup of another name")
    with pytest.raises(PieceDamaged, match=r"encrypted with key .*; BACKUP_KEY is"):
        _open(sealed, seal, key=master_key("another-secret-another-secret-another"))
    with pytest.raises(PieceDamaged, match="the-piece"):
        _open(other, seal)
    with pytest.raises(PieceDamaged, match="the-piece"):
        _open(sealed, other_seal)


class Broken(io.RawIOBase):
    """A connection or disk that fails after so many bytes, and counts the retries."""

    def __init__(self, content: bytes, after: int, trouble: Exception) -> None:
        self._content = io.BytesIO(content)
        self._left = after
        self._trouble = trouble
        self.tried = 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def _take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            self.tried += 1
            raise self._trouble

    def readinto(self, buffer: Any) -> int:
        found = self._content.readinto(buffer)
        self._take(found)
        return found

    def write(self, data: Any) -> int:
        self._take(len(data))
        return len(data)


@pytest.mark.parametrize("after", [0, 1, SEGMENT, 2 * SEGMENT + 7])
@pytest.mark.parametrize(
    "trouble", [StoreFailed("the line broke"), OSError(28, "the disk is full")]
)
def test_a_line_that_breaks_and_a_full_disk_are_no_damage(
    big: tuple[bytes, bytes, Seal], after: int, trouble: Exception
) -> None:
    plain, sealed, seal = big
    with pytest.raises(type(trouble), match=str(trouble.args[-1])):
        source = cast("BinaryIO", Broken(sealed, after, trouble))
        list(open_stream(source, seal, piece="the-piece", about=ABOUT, key=KEY))
    target = Broken(b"", after, trouble)
    with pytest.raises(type(trouble), match=str(trouble.args[-1])):
        seal_stream(io.BytesIO(plain), cast("BinaryIO", target), about=ABOUT, key=KEY)
    assert target.tried == 1
