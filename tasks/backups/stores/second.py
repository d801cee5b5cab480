"""The second store: what the first has and it lacks is brought there, and checked on the way.

The first never waits for it. While it is away nothing is lost but time: the next run makes it up.
"""

import hashlib
import logging
from typing import Any

from models.core.errors import MaitredError
from tasks.backups.faults import PieceDamaged
from tasks.backups.make import alone, prune
from tasks.backups.manifest import MANIFEST, PIECE, Manifest
from tasks.backups.records import SECOND_STORE
from tasks.backups.stores.facts import note_store
from tasks.backups.stores.safe import FIRST, SECOND, Safe, open_safe
from tasks.backups.stores.sealed import CHUNK
from tasks.backups.stores.verify import verify

log = logging.getLogger(__name__)


def copy_to_second(safe: Safe) -> dict[str, Any]:
    """Bring to the second store what it lacks, oldest first; let go there of what is not kept.

    A piece that is not what its manifest says is not copied: at the end PieceDamaged is raised,
    naming the first. Raises StoreFailed when a store is away. Returns what was done.
    """
    with alone(SECOND_STORE, "the second store is being filled already"):
        second = safe.at(SECOND)
        there = _trusted(second)
        catalogue, _ = safe.catalogue()
        copied: list[str] = []
        damaged: list[PieceDamaged] = []
        for manifest in catalogue:
            if {manifest.name + MANIFEST, manifest.name + PIECE} <= there:
                continue
            try:
                copied += copy_backup(manifest, safe, second)
            except PieceDamaged as problem:
                damaged.append(problem)
        copied += _copy_others(safe, second, there)
        prune(second, besides=[one.name for one in catalogue])
        note_store(SECOND, second)
        if damaged:
            raise damaged[0]
        return {"copied": len(copied), "backups": len(catalogue)}


def _trusted(second: Safe) -> set[str]:
    """The names that are there, but for manifests that are damaged or of a forgotten key."""
    there = set(second.store.names())
    for problem in second.catalogue()[1]:
        log.warning("damaged in the second store", extra={"what": problem.message})
        there.discard(problem.piece)
    return there


def copy_backup(manifest: Manifest, source: Safe, target: Safe) -> list[str]:
    """Copy a piece, then its manifest; their names, none when they were let go of meanwhile.

    Raises PieceDamaged, and then copies neither.
    """
    piece, digest = manifest.name + PIECE, hashlib.sha256()
    place = f"in {source.store.label}; it was not copied"
    try:
        with source.store.read(piece) as stream, target.store.write(piece) as copy:
            while block := stream.read(CHUNK):
                digest.update(block)
                copy.write(block)
            if digest.hexdigest() != manifest.seal.sealed_sha256:
                raise PieceDamaged(piece, f"changed or cut short {place}")
        _copy_file(manifest.name + MANIFEST, source, target)
    except FileNotFoundError:
        if source.store.names(manifest.name + MANIFEST):  # it goes before its piece
            raise PieceDamaged(piece, f"missing {place}") from None
        return []
    return [manifest.name]


def _copy_others(source: Safe, target: Safe, there: set[str]) -> list[str]:
    """What lies beside the backups, and is checked where it is read; the names."""
    names = [name for name in source.store.names() if not name.endswith((MANIFEST, PIECE))]
    wanted = [name for name in names if name not in there]
    copied = []
    for name in wanted:
        try:
            _copy_file(name, source, target)
            copied.append(name)
        except FileNotFoundError:
            pass  # it was let go of meanwhile
    return copied


def _copy_file(name: str, source: Safe, target: Safe) -> None:
    with source.store.read(name) as stream, target.store.write(name) as copy:
        while block := stream.read(CHUNK):
            copy.write(block)


def whole_elsewhere(which: str, name: str) -> str:
    """The other store, when this backup and all that it stands on is whole there; else empty.

    An empty name is the newest that is there.
    """
    other = SECOND if which == FIRST else FIRST
    try:
        there = open_safe(other)
        for manifest in there.chain(name):
            verify(there, manifest)
    except MaitredError as problem:
        log.info("nor in the other store", extra={"store": other, "what": problem.message})
        return ""
    return other
