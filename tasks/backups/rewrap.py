"""Another BACKUP_KEY: manifests are wrapped and signed anew, the sealed pieces stay as they are."""

from dataclasses import replace

from tasks.backups.faults import PieceDamaged
from tasks.backups.keys import MasterKey
from tasks.backups.manifest import MANIFEST, Manifest, read_manifest, write_manifest
from tasks.backups.safe import Safe


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
            write_manifest(safe.store, rewrapped(manifest, safe.key), alone)
            done += 1
        except PieceDamaged as problem:
            damaged.append(problem)
    return done, damaged


def rewrapped(manifest: Manifest, key: MasterKey) -> Manifest:
    """The manifest with its piece's key wrapped by `key` itself. Raises PieceDamaged."""
    seal = manifest.seal
    opener = key.known(seal.key_id)
    if opener is None:
        what = f"sealed with key {seal.key_id}; BACKUP_KEY is {key.id}"
        raise PieceDamaged(manifest.name + MANIFEST, what)
    keyset = opener.unwrap(seal.wrapped_key, about=manifest.about)
    wrapped = key.wrap(keyset, about=manifest.about)
    return replace(manifest, seal=replace(seal, key_id=key.id, wrapped_key=wrapped))


def _is_done(safe: Safe, name: str, key: MasterKey) -> bool:
    try:
        return read_manifest(safe.store, name, key).seal.key_id == key.id
    except PieceDamaged:
        return False
