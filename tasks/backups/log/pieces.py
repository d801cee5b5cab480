"""A piece of the log: one stored file, with a signed head before its encrypted bytes.

Its name gives the origin, the log file and the range of bytes. The head repeats them, signed, and
gives the number and size of the log file before: no piece can be left out, moved or reordered.
"""

import io
import re
import struct
from dataclasses import asdict, dataclass, replace
from typing import Any, BinaryIO, Final

import orjson

from tasks.backups.faults import PieceDamaged
from tasks.backups.stores.keys import MasterKey
from tasks.backups.stores.safe import Safe
from tasks.backups.stores.sealed import Seal, open_stream, rewrapped, seal_stream
from tasks.backups.stores.store import Store

PREFIX: Final = "log-"
#: The most bytes of the log in one piece.
PIECE_BYTES: Final = 8 << 20
_NAME: Final = re.compile(r"log-([0-9a-f]{12})-(\d{8})-(\d{12})-(\d{12})\.log")
_MAGIC: Final = b"maitred1"
_LENGTH: Final = struct.Struct(">I")
#: The limit for a head, which takes some hundred bytes.
_HEAD_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True, order=True)
class LogSpan:
    """The bytes `start` to `end` of log file `number` of one origin."""

    origin: str
    number: int
    start: int
    end: int

    @property
    def name(self) -> str:
        """The name of its file in the store."""
        return f"{PREFIX}{self.origin}-{self.number:08d}-{self.start:012d}-{self.end:012d}.log"


def span_of(name: str) -> LogSpan | None:
    """Parse a stored name; return None when it is not that of a piece of the log."""
    found = _NAME.fullmatch(name)
    return LogSpan(found[1], *(int(found[group]) for group in (2, 3, 4))) if found else None


def spans(store: Store, origin: str = "") -> list[LogSpan]:
    """Return the pieces of one origin (empty: of all), in the order of their bytes."""
    found = map(span_of, store.names(f"{PREFIX}{origin}"))
    return sorted(span for span in found if span and span.origin.startswith(origin))


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece's head. `until`: seconds since 1970 of the newest event up to its end (0: none).

    `before`: in the first piece of a log file, number and size of the log file before it; None
    where that one was not stored.
    """

    span: LogSpan
    file: str
    until: int
    before: tuple[int, int] | None
    seal: Seal

    @property
    def about(self) -> str:
        """The associated data with which the bytes are encrypted."""
        return f"maitred {self.span.name} of {self.file}"


def write_piece(
    safe: Safe, span: LogSpan, data: bytes, *, file: str, until: int, before: tuple[int, int] | None
) -> Piece:
    """Encrypt these bytes and store them; writing the same bytes again is harmless."""
    sealed = io.BytesIO()
    about = f"maitred {span.name} of {file}"
    seal = seal_stream(io.BytesIO(data), sealed, about=about, key=safe.key)
    piece = Piece(span, file, until, before, seal)
    _store(safe, piece, sealed.getbuffer())
    return piece


def rewrap_piece(safe: Safe, span: LogSpan) -> bool:
    """Wrap and sign a piece's head with the current key; return False when it has it already.

    The encrypted bytes are not changed, and the file is replaced atomically. Raises PieceDamaged.
    """
    try:
        with safe.store.read(span.name) as source:
            piece = _head(source, span, safe.key)
            if piece.seal.key_id == safe.key.id:
                return False
            sealed = source.read()
    except FileNotFoundError as missing:
        raise PieceDamaged(span.name, "missing") from missing
    seal = rewrapped(piece.seal, piece=span.name, about=piece.about, key=safe.key)
    _store(safe, replace(piece, seal=seal), sealed)
    return True


def read_head(safe: Safe, span: LogSpan) -> Piece:
    """Return the head of a stored piece, verified. Raises PieceDamaged."""
    try:
        with safe.store.read(span.name) as source:
            return _head(source, span, safe.key)
    except FileNotFoundError as missing:
        raise PieceDamaged(span.name, "missing") from missing


def read_piece(safe: Safe, span: LogSpan) -> tuple[Piece, bytes]:
    """Return a piece's head and its decrypted bytes. Raises PieceDamaged, naming it."""
    try:
        with safe.store.read(span.name) as source:
            piece = _head(source, span, safe.key)
            blocks = open_stream(
                source, piece.seal, piece=span.name, about=piece.about, key=safe.key
            )
            data = b"".join(blocks)
    except FileNotFoundError as missing:
        raise PieceDamaged(span.name, "missing") from missing
    if len(data) != span.end - span.start:
        raise PieceDamaged(span.name, f"holds {len(data)} bytes")
    return piece, data


def _store(safe: Safe, piece: Piece, sealed: bytes | memoryview) -> None:
    body = asdict(piece)
    signature = safe.key.sign(_canonical(body))
    head = orjson.dumps({"head": body, "signature": signature, "key": safe.key.id})
    with safe.store.write(piece.span.name) as target:
        target.write(_MAGIC + _LENGTH.pack(len(head)) + head)
        target.write(sealed)


def _head(source: BinaryIO, span: LogSpan, key: MasterKey) -> Piece:
    start = source.read(len(_MAGIC) + _LENGTH.size)
    if len(start) != len(_MAGIC) + _LENGTH.size or not start.startswith(_MAGIC):
        raise PieceDamaged(span.name, "is not a piece of a log")
    (length,) = _LENGTH.unpack(start[len(_MAGIC) :])
    try:
        document = orjson.loads(source.read(min(length, _HEAD_BYTES)))
        body, signature, key_id = (document[part] for part in ("head", "signature", "key"))
    except (orjson.JSONDecodeError, KeyError, TypeError) as broken:
        raise PieceDamaged(span.name, "changed or truncated") from broken
    signer = key.known(str(key_id))
    if signer is None:
        raise PieceDamaged(span.name, f"signed with key {key_id}; BACKUP_KEY is {key.id}")
    if not isinstance(body, dict) or not signer.signed(_canonical(body), str(signature)):
        raise PieceDamaged(span.name, "changed since it was written")
    piece = _piece(body)
    if piece.span != span:
        raise PieceDamaged(span.name, f"is {piece.span.name}")
    return piece


def _canonical(body: dict[str, Any]) -> bytes:
    return b"log piece " + orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def _piece(body: dict[str, Any]) -> Piece:
    before = body["before"]
    return Piece(
        span=LogSpan(**body["span"]),
        file=body["file"],
        until=body["until"],
        before=(before[0], before[1]) if before else None,
        seal=Seal(**body["seal"]),
    )
