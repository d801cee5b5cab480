"""Encryption of a piece: a stream, compressed (zstd), then AES-256-GCM in segments (Tink).

Decryption authenticates each segment, and checks the size and the hash of the whole at the end: no
data may be used before the last byte has been read.
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
#: The errors that a changed, cut or foreign piece causes.
_BROKEN: Final = (tink.TinkError, zstandard.ZstdError, ValueError, EOFError)


@dataclass(frozen=True, slots=True)
class Seal:
    """Metadata of an encrypted piece: sizes in bytes, SHA-256 in hexadecimal, its wrapped key."""

    key_id: str
    wrapped_key: str
    plain_size: int
    plain_sha256: str
    sealed_size: int
    sealed_sha256: str


class _Watched(io.RawIOBase):
    """A stored file, wrapped for Tink, which reports any error in it as one of the cipher.

    `truth` raises the original error, so that a lost connection is not taken for damage.
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
            raise self._trouble  # after a failed write, Tink writes again when it closes
        with ExitStack() as noted:
            noted.push(self._note)
            yield

    def _note(self, _kind: object, trouble: BaseException | None, _trace: object) -> None:
        self._trouble = trouble


class _Source(_Watched):
    """The stream to read. The caller closes the file."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        with self._watching():
            block = self._file.read(len(view))
        view[: len(block)] = block
        return len(block)


class _Counted(_Watched):
    """A stream that counts and hashes the bytes it passes on. The caller closes the file."""

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
    """Read `source` to its end and write it to `target`, encrypted and bound to `about`.

    Raises the errors of `target` when it cannot be written.
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
    """Yield the decrypted blocks of a piece; they are valid only after the end of the iterator.

    Raises PieceDamaged, naming the piece, for anything wrong with it, and the errors of `source`
    when it cannot be read.
    """
    if (opener := key.known(seal.key_id)) is None:
        raise PieceDamaged(piece, f"encrypted with key {seal.key_id}; BACKUP_KEY is {key.id}")
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
        raise PieceDamaged(piece, "changed, truncated or moved") from broken
    if (size, digest.hexdigest()) != (seal.plain_size, seal.plain_sha256):
        raise PieceDamaged(piece, "does not match its manifest")


def rewrapped(seal: Seal, *, piece: str, about: str, key: MasterKey) -> Seal:
    """Return the seal with its key wrapped by `key`, for the same bytes. Raises PieceDamaged."""
    opener = key.known(seal.key_id)
    if opener is None:
        raise PieceDamaged(piece, f"encrypted with key {seal.key_id}; BACKUP_KEY is {key.id}")
    keyset = opener.unwrap(seal.wrapped_key, about=about)
    return replace(seal, key_id=key.id, wrapped_key=key.wrap(keyset, about=about))


def _decompressed(decrypting: BinaryIO) -> Iterator[bytes]:
    reader = zstandard.ZstdDecompressor().stream_reader(decrypting, closefd=False)
    while block := reader.read(CHUNK):
        yield block
    if decrypting.read(1):  # also authenticates the last segment if the frame ends before it
        raise ValueError("more than one frame")
