"""Change of BACKUP_KEY: keys are rewrapped and heads signed again; encrypted bytes stay as is."""

from dataclasses import replace

from tasks.backups.faults import PieceDamaged
from tasks.backups.log.pieces import rewrap_piece, spans
from tasks.backups.manifest import MANIFEST, read_manifest, write_manifest
from tasks.backups.stores.keys import MasterKey
from tasks.backups.stores.safe import Safe
from tasks.backups.stores.sealed import rewrapped


def rewrap_manifests(safe: Safe) -> tuple[int, list[PieceDamaged]]:
    """Rewrap the manifests that are not of the current key; return how many, and the damaged ones.

    Each manifest is replaced atomically: if this is interrupted, every backup can be decrypted
    with one of the two keys, and the next run continues. Raises StoreFailed.
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
    """Do the same for the pieces of the log, even while it is followed. Raises StoreFailed."""
    done, damaged = 0, list[PieceDamaged]()
    for span in spans(safe.store):
        try:
            done += rewrap_piece(safe, span)
        except PieceDamaged as problem:
            if safe.store.names(span.name):  # otherwise it was merged with others meanwhile
                damaged.append(problem)
    return done, damaged


def _is_done(safe: Safe, name: str, key: MasterKey) -> bool:
    try:
        return read_manifest(safe.store, name, key).seal.key_id == key.id
    except PieceDamaged:
        return False
