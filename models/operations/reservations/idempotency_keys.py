"""Idempotency keys: repeating a request with the same key and body gets the same answer."""

import hashlib
from collections.abc import Collection
from datetime import datetime
from typing import cast

from sqlalchemy import Connection, Table, insert, select
from sqlalchemy.exc import OperationalError

from models.core.errors import KeyInFlight, KeyReused
from models.core.secrets.signing import body_key
from models.entities.running import IdempotencyKey

_LOCK_WAIT = 1205
_KEYS = cast("Table", IdempotencyKey.__table__)
_CLAIM = insert(_KEYS).prefix_with("IGNORE")
_CLAIM_SQLITE = insert(_KEYS).prefix_with("OR IGNORE")


def claim_key(
    connection: Connection, scope: str, key: str, *, body: bytes, reference: str, now: datetime
) -> str | None:
    """Claim the key for `reference`; return None if claimed, else the reference it made before.

    One statement in the usual case. If a request with the same key is still running, wait for it
    (by the database's own lock on the row) and use its answer. Raises KeyReused if the body
    differs, KeyInFlight if the wait takes too long.
    """
    digest = hashlib.sha256(f"{scope}\n{key}".encode()).digest()
    fingerprint = body_key(body)
    claim = _CLAIM_SQLITE if connection.dialect.name == "sqlite" else _CLAIM
    row = {"key": digest, "body": fingerprint, "reference": reference, "created_at": now}
    try:
        result = connection.execute(claim, row)
    except OperationalError as error:
        if error.orig and error.orig.args and error.orig.args[0] == _LOCK_WAIT:
            raise KeyInFlight("the first request with this key is still running") from error
        raise
    if result.rowcount == 1:
        return None
    # the previous release stored an unkeyed hash
    return _earlier(connection, digest, (fingerprint, hashlib.sha256(body).digest()))


def _earlier(connection: Connection, digest: bytes, fingerprints: Collection[bytes]) -> str:
    query = select(IdempotencyKey.body, IdempotencyKey.reference).where(
        IdempotencyKey.key == digest
    )
    before = connection.execute(query).one()
    if before.body not in fingerprints:
        raise KeyReused("this Idempotency-Key was already used with a different body")
    reference: str = before.reference
    return reference
