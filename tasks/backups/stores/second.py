"""The second store: gets a copy of every file in the first; backups are checked while copied.

The first store never waits for it. After an outage the next run copies what is missing.
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
    """Copy to the second store the files that it lacks, oldest first; then prune it.

    A piece that does not match its manifest is not copied: at the end PieceDamaged is raised,
    naming the first such piece. Raises StoreFailed when a store is unreachable. Returns counts.
    """
    with alone(SECOND_STORE, "the second store is already being filled"):
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
    """Return the names in the second store, without manifests that cannot be trusted."""
    there = set(second.store.names())
    for problem in second.catalogue()[1]:
        log.warning("damaged in the second store", extra={"what": problem.message})
        there.discard(problem.piece)
    return there


def copy_backup(manifest: Manifest, source: Safe, target: Safe) -> list[str]:
    """Copy a piece, then its manifest. Return its name, none when it was deleted meanwhile.

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
                raise PieceDamaged(piece, f"changed or truncated {place}")
        _copy_file(manifest.name + MANIFEST, source, target)
    except FileNotFoundError:
        if source.store.names(manifest.name + MANIFEST):  # it is deleted before its piece
            raise PieceDamaged(piece, f"missing {place}") from None
        return []
    return [manifest.name]


def _copy_others(source: Safe, target: Safe, there: set[str]) -> list[str]:
    """Copy the other files, which are checked when they are read; return their names."""
    names = [name for name in source.store.names() if not name.endswith((MANIFEST, PIECE))]
    wanted = [name for name in names if name not in there]
    copied = []
    for name in wanted:
        try:
            _copy_file(name, source, target)
            copied.append(name)
        except FileNotFoundError:
            pass  # deleted meanwhile
    return copied


def _copy_file(name: str, source: Safe, target: Safe) -> None:
    with source.store.read(name) as stream, target.store.write(name) as copy:
        while block := stream.read(CHUNK):
            copy.write(block)


def whole_elsewhere(which: str, name: str) -> str:
    """Return the other store if this backup and its ancestors are intact there, else "".

    An empty name means the newest backup there.
    """
    other = SECOND if which == FIRST else FIRST
    try:
        there = open_safe(other)
        for manifest in there.chain(name):
            verify(there, manifest)
    except MaitredError as problem:
        log.info(
            "backup not intact in the other store", extra={"store": other, "what": problem.message}
        )
        return ""
    return other
