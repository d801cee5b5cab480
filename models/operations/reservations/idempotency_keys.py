"""Idempotency keys: the same key and body get the same answer, whenever and however often."""

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
    """Claim the key for `reference`; None when it is ours, else the reference it made before.

    One statement in the usual case. A request of the same key that still runs is waited for (by
    the database's own lock on the row), then its answer counts. Raises KeyReused when the body
    differs, KeyInFlight when the wait takes too long.
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
    # the release before this one wrote a hash without a key
    return _earlier(connection, digest, (fingerprint, hashlib.sha256(body).digest()))


def _earlier(connection: Connection, digest: bytes, fingerprints: Collection[bytes]) -> str:
    query = select(IdempotencyKey.body, IdempotencyKey.reference).where(
        IdempotencyKey.key == digest
    )
    before = connection.execute(query).one()
    if before.body not in fingerprints:
        raise KeyReused("this Idempotency-Key came before with another body")
    reference: str = before.reference
    return reference
