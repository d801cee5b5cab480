"""Reads stored backups to their last byte, to find damage before they are needed."""

from dataclasses import dataclass

from tasks.backups.faults import PieceDamaged
from tasks.backups.log.pieces import read_piece, spans
from tasks.backups.manifest import MANIFEST, PIECE, Manifest
from tasks.backups.stores.pieces import blocks_of
from tasks.backups.stores.safe import Safe


@dataclass(frozen=True, slots=True)
class Verified:
    """The number of backups and log pieces that were read, and the problems found."""

    backups: int
    pieces: int
    wrong: list[str]


def verify(safe: Safe, manifest: Manifest) -> None:
    """Decrypt a stored piece to its last byte. Raises PieceDamaged, naming it, or StoreFailed."""
    for _ in blocks_of(safe, manifest):
        pass


def verify_store(safe: Safe, name: str = "") -> Verified:
    """Verify the backup of that name; without a name all backups and every piece of the log.

    A missing manifest is a problem too, though its backup may be still in progress. Gaps in the
    log are not detected: whether one matters depends on the backup (`maitred backup drill`).
    """
    found, damaged = safe.catalogue()
    wrong = [problem.message for problem in damaged] + _without_manifest(safe)
    chosen = [one for one in found if name in ("", one.name)]
    for manifest in chosen:
        try:
            verify(safe, manifest)
        except PieceDamaged as problem:
            wrong.append(problem.message)
    pieces, broken = (0, []) if name else _verify_log(safe)
    return Verified(len(chosen), pieces, wrong + broken)


def _verify_log(safe: Safe) -> tuple[int, list[str]]:
    wrong = []
    all_spans = spans(safe.store)
    for span in all_spans:
        try:
            read_piece(safe, span)
        except PieceDamaged as problem:
            if safe.store.names(span.name):  # otherwise it was merged with others meanwhile
                wrong.append(problem.message)
    return len(all_spans), wrong


def _without_manifest(safe: Safe) -> list[str]:
    names = set(safe.store.names())
    pieces = sorted(name.removesuffix(PIECE) for name in names if name.endswith(PIECE))
    lost = [piece + MANIFEST for piece in pieces if piece + MANIFEST not in names]
    return [f"{manifest}: missing, although its piece exists" for manifest in lost]
