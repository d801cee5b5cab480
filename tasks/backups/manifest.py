"""Manifests: the signed JSON document beside each piece, the encrypted file of a backup.

A backup exists when its manifest does: the piece is written before it and deleted after it.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal

import orjson

from tasks.backups.faults import PieceDamaged
from tasks.backups.log.position import LogPosition
from tasks.backups.stores.keys import MasterKey
from tasks.backups.stores.sealed import Seal
from tasks.backups.stores.store import Store

#: full and incremental are physical (mariadb-backup), dump is SQL, snapshot is a SQLite file.
Kind = Literal["full", "incremental", "dump", "snapshot"]

MANIFEST: Final = ".json"
PIECE: Final = ".sealed"
#: The name of a restored SQLite database in its folder.
SQLITE_FILE: Final = "maitred.db"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One backup. Times are UTC in ISO 8601; positions are the engine's own (LSN), 0: the start.

    `rows`: for some tables, the lower and the higher row count before and after the backup.
    """

    name: str
    kind: Kind
    engine: str
    engine_version: str
    database: str
    parent: str | None
    began: datetime
    ended: datetime
    from_position: int
    to_position: int
    schema: str | None
    rows: dict[str, tuple[int, int]]
    seal: Seal
    #: the position of its state in the server's log; None where there is no log
    log: LogPosition | None = None

    @property
    def about(self) -> str:
        """The associated data with which the piece is encrypted."""
        return piece_about(self.name, self.parent, self.from_position)


def piece_about(name: str, parent: str | None, from_position: int) -> str:
    """Return the associated data of a piece: its name and its position in the chain."""
    return f"maitred backup {name} after {parent or '-'} from {from_position}"


def write_manifest(store: Store, manifest: Manifest, key: MasterKey) -> None:
    """Sign and write the manifest; with it the backup exists."""
    body = asdict(manifest)
    document = {"manifest": body, "signature": key.sign(_canonical(body)), "key": key.id}
    with store.write(manifest.name + MANIFEST) as file:
        file.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))


def read_manifest(store: Store, name: str, key: MasterKey) -> Manifest:
    """Return a backup's manifest. Raises PieceDamaged when it is missing or not as written."""
    piece = name + MANIFEST
    try:
        with store.read(piece) as file:
            document = orjson.loads(file.read())
        body, signature, key_id = (document[part] for part in ("manifest", "signature", "key"))
    except FileNotFoundError as missing:
        raise PieceDamaged(piece, "missing") from missing
    except (orjson.JSONDecodeError, KeyError, TypeError) as broken:
        raise PieceDamaged(piece, "is not a manifest") from broken
    if (signer := key.known(key_id)) is None:
        raise PieceDamaged(piece, f"signed with key {key_id}; BACKUP_KEY is {key.id}")
    if not signer.signed(_canonical(body), str(signature)):
        raise PieceDamaged(piece, "changed since it was written")
    if body["name"] != name:
        raise PieceDamaged(piece, f"is the manifest of {body['name']}")
    return _manifest(body)


def read_catalogue(store: Store, key: MasterKey) -> tuple[list[Manifest], list[PieceDamaged]]:
    """Return every backup of a store, oldest first, and the manifests that cannot be trusted."""
    found: list[Manifest] = []
    damaged: list[PieceDamaged] = []
    for file in store.names():
        if file.endswith(MANIFEST):
            try:
                found.append(read_manifest(store, file.removesuffix(MANIFEST), key))
            except PieceDamaged as problem:
                damaged.append(problem)
    return sorted(found, key=lambda one: (one.ended, one.name)), damaged


def chain_of(manifest: Manifest, catalogue: list[Manifest]) -> list[Manifest]:
    """Return the backup with its ancestors, the full one first. Raises PieceDamaged for a gap."""
    by_name = {one.name: one for one in catalogue}
    chain = [manifest]
    while (parent := chain[0].parent) is not None:
        if parent not in by_name or by_name[parent] in chain:
            raise PieceDamaged(parent + MANIFEST, f"missing, and {chain[0].name} depends on it")
        chain.insert(0, by_name[parent])
    return chain


def _canonical(body: dict[str, Any]) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def _manifest(body: dict[str, Any]) -> Manifest:
    rows = {table: (int(low), int(high)) for table, (low, high) in body["rows"].items()}
    times = {when: datetime.fromisoformat(body[when]) for when in ("began", "ended")}
    log = LogPosition(**body["log"]) if body.get("log") else None
    return Manifest(**{**body, **times, "rows": rows, "seal": Seal(**body["seal"]), "log": log})
