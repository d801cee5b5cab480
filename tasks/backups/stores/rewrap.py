"""Another BACKUP_KEY: heads are wrapped and signed anew, the sealed bytes stay as they are."""

from dataclasses import replace

from tasks.backups.faults import PieceDamaged
from tasks.backups.log.pieces import rewrap_piece, spans
from tasks.backups.manifest import MANIFEST, read_manifest, write_manifest
from tasks.backups.stores.keys import MasterKey
from tasks.backups.stores.safe import Safe
from tasks.backups.stores.sealed import rewrapped


def rewrap_manifests(safe: Safe) -> tuple[int, list[PieceDamaged]]:
    """Rewrap what another key than the present one opens. How many, and what no key opens.

    Each manifest is replaced whole, so that whatever ends this in the middle, every backup opens
    with one of the two keys; the next run goes on. Raises StoreFailed.
    """
    done, damaged = 0, list[PieceDamaged]()
    alone = replace(safe.key, older=None)
    for file in safe.store.names():
        if not file.endswith(MANIFEST):
            continue
        name = file.removesuffix(MANIFEST)
        if _is_done(safe, name, alone):
            continue
        try:
            manifest = read_manifest(safe.store, name, safe.key)
            seal = rewrapped(manifest.seal, piece=file, about=manifest.about, key=safe.key)
            write_manifest(safe.store, replace(manifest, seal=seal), alone)
            done += 1
        except PieceDamaged as problem:
            damaged.append(problem)
    return done, damaged


def rewrap_log(safe: Safe) -> tuple[int, list[PieceDamaged]]:
    """The same for the pieces of the log, while it is followed. Raises StoreFailed."""
    done, damaged = 0, list[PieceDamaged]()
    for span in spans(safe.store):
        try:
            done += rewrap_piece(safe, span)
        except PieceDamaged as problem:
            if safe.store.names(span.name):  # else it was merged with others meanwhile
                damaged.append(problem)
    return done, damaged


def _is_done(safe: Safe, name: str, key: MasterKey) -> bool:
    try:
        return read_manifest(safe.store, name, key).seal.key_id == key.id
    except PieceDamaged:
        return False
