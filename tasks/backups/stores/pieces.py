"""Reads the encrypted content of a stored backup."""

from collections.abc import Iterator

from tasks.backups.faults import PieceDamaged
from tasks.backups.manifest import PIECE, Manifest
from tasks.backups.stores.safe import Safe
from tasks.backups.stores.sealed import open_stream


def blocks_of(safe: Safe, manifest: Manifest) -> Iterator[bytes]:
    """Yield the content of a backup's piece. Raises PieceDamaged; it is valid only at the end."""
    piece = manifest.name + PIECE
    try:
        with safe.store.read(piece) as source:
            yield from open_stream(
                source, manifest.seal, piece=piece, about=manifest.about, key=safe.key
            )
    except FileNotFoundError as missing:
        raise PieceDamaged(piece, "missing") from missing
