"""Reading what is stored to its last byte: what is damaged is known before it is needed."""

from tasks.backups.faults import PieceDamaged
from tasks.backups.manifest import MANIFEST, PIECE, Manifest
from tasks.backups.restore import blocks_of
from tasks.backups.safe import Safe


def verify(safe: Safe, manifest: Manifest) -> None:
    """Open a stored piece to its last byte. Raises PieceDamaged, naming it, or StoreFailed."""
    for _ in blocks_of(safe, manifest):
        pass


def verify_store(safe: Safe, name: str = "") -> tuple[int, list[str]]:
    """Verify the backup of that name, or all; how many were read, and what is wrong with which.

    A missing manifest is wrong too, though it may be that of a backup that is being made.
    """
    found, damaged = safe.catalogue()
    wrong = [problem.message for problem in damaged] + _without_manifest(safe)
    chosen = [one for one in found if name in ("", one.name)]
    for manifest in chosen:
        try:
            verify(safe, manifest)
        except PieceDamaged as problem:
            wrong.append(problem.message)
    return len(chosen), wrong


def _without_manifest(safe: Safe) -> list[str]:
    names = set(safe.store.names())
    pieces = sorted(name.removesuffix(PIECE) for name in names if name.endswith(PIECE))
    lost = [piece + MANIFEST for piece in pieces if piece + MANIFEST not in names]
    return [f"{manifest}: missing, though its piece is there" for manifest in lost]
