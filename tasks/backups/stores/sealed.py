"""A sealed piece: a stream, compressed (zstd) and then encrypted (AES-256-GCM in segments, Tink).

What is opened is authenticated segment by segment, and counted and hashed as a whole at its end:
nobody may use what was read before the last byte has come.
"""

import hashlib
import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

import tink
import zstandard
from tink import streaming_aead

from tasks.backups.faults import PieceDamaged
from tasks.backups.stores.keys import MasterKey, new_keyset

CHUNK: Final = 1 << 20
_LEVEL: Final = 3
#: How a changed, cut or foreign piece shows itself.
_BROKEN: Final = (tink.TinkError, zstandard.ZstdError, ValueError, EOFError)


@dataclass(frozen=True, slots=True)
class Seal:
    """What is known of a sealed piece: sizes in bytes, SHA-256 in hexadecimal, its wrapped key."""

    key_id: str
    wrapped_key: str
    plain_size: int
    plain_sha256: str
    sealed_size: int
    sealed_sha256: str


class _Watched(io.RawIOBase):
    """A stored file as Tink sees it. Tink tells of any error in there as of a broken cipher:
    `truth` raises what it really was, so that a line that broke is not taken for damage.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._trouble: BaseException | None = None

    @contextmanager
    def truth(self) -> Iterator[None]:
        try:
            yield
        except _BROKEN:
            if self._trouble is not None:
                raise self._trouble from None
            raise

    @contextmanager
    def _watching(self) -> Iterator[None]:
        if self._trouble is not None:
            raise self._trouble  # Tink closes, and so writes, what could not be written
        with ExitStack() as noted:
            noted.push(self._note)
            yield

    def _note(self, _kind: object, trouble: BaseException | None, _trace: object) -> None:
        self._trouble = trouble


class _Source(_Watched):
    """What is read. Closing it is left to others."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        with self._watching():
            block = self._file.read(len(view))
        view[: len(block)] = block
        return len(block)


class _Counted(_Watched):
    """Passes on what is written, counts it and hashes it; leaves the closing to others."""

    def __init__(self, target: BinaryIO) -> None:
        super().__init__(target)
        self.size = 0
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        block = bytes(memoryview(data))  # type: ignore[arg-type]
        with self._watching():
            self._file.write(block)
        self.digest.update(block)
        self.size += len(block)
        return len(block)


def seal_stream(source: BinaryIO, target: BinaryIO, *, about: str, key: MasterKey) -> Seal:
    """Read `source` to its end and write it to `target`, sealed and bound to `about`.

    Raises what `target` raises when it cannot be written.
    """
    keyset = new_keyset()
    counted = _Counted(target)
    digest, size = hashlib.sha256(), 0
    primitive = keyset.primitive(streaming_aead.StreamingAead)
    with counted.truth():
        encrypting = primitive.new_encrypting_stream(counted, about.encode())
        compressing = zstandard.ZstdCompressor(level=_LEVEL).stream_writer(encrypting)
        with compressing:  # closes the encrypting stream too, which writes the last segment
            while block := source.read(CHUNK):
                digest.update(block)
                size += len(block)
                compressing.write(block)
    return Seal(
        key_id=key.id,
        wrapped_key=key.wrap(keyset, about=about),
        plain_size=size,
        plain_sha256=digest.hexdigest(),
        sealed_size=counted.size,
        sealed_sha256=counted.digest.hexdigest(),
    )


def open_stream(
    source: BinaryIO, seal: Seal, *, piece: str, about: str, key: MasterKey
) -> Iterator[bytes]:
    """The blocks of a sealed piece. Raises PieceDamaged, naming the piece, whatever is wrong
    with it, and what `source` raises when it cannot be read.

    The caller has what was sealed only when the iterator has ended without an error.
    """
    if (opener := key.known(seal.key_id)) is None:
        raise PieceDamaged(piece, f"sealed with key {seal.key_id}; BACKUP_KEY is {key.id}")
    digest, size = hashlib.sha256(), 0
    try:
        keyset = opener.unwrap(seal.wrapped_key, about=about)
        primitive = keyset.primitive(streaming_aead.StreamingAead)
        watched = _Source(source)
        with (
            watched.truth(),
            primitive.new_decrypting_stream(watched, about.encode()) as decrypting,
        ):
            for block in _decompressed(decrypting):
                digest.update(block)
                size += len(block)
                yield block
    except _BROKEN as broken:
        raise PieceDamaged(piece, "changed, cut short or of another place") from broken
    if (size, digest.hexdigest()) != (seal.plain_size, seal.plain_sha256):
        raise PieceDamaged(piece, "does not hold what its manifest says")


def rewrapped(seal: Seal, *, piece: str, about: str, key: MasterKey) -> Seal:
    """The same sealed bytes, whose own key `key` itself wraps. Raises PieceDamaged."""
    opener = key.known(seal.key_id)
    if opener is None:
        raise PieceDamaged(piece, f"sealed with key {seal.key_id}; BACKUP_KEY is {key.id}")
    keyset = opener.unwrap(seal.wrapped_key, about=about)
    return replace(seal, key_id=key.id, wrapped_key=key.wrap(keyset, about=about))


def _decompressed(decrypting: BinaryIO) -> Iterator[bytes]:
    reader = zstandard.ZstdDecompressor().stream_reader(decrypting, closefd=False)
    while block := reader.read(CHUNK):
        yield block
    if decrypting.read(1):  # the last segment is looked at even when the frame ends before it
        raise ValueError("more than one frame")
