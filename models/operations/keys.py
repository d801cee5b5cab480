"""Idempotency keys: the same key and body get the same answer, whenever and however often."""

import hashlib
from datetime import datetime
from typing import cast

from sqlalchemy import Table, insert, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models.core.db import dialect_of
from models.core.errors import KeyInFlight, KeyReused
from models.entities.house import IdempotencyKey

_LOCK_WAIT = 1205
_KEYS = cast("Table", IdempotencyKey.__table__)
_CLAIM = insert(_KEYS).prefix_with("IGNORE")
_CLAIM_SQLITE = insert(_KEYS).prefix_with("OR IGNORE")


def claim_key(
    session: Session, scope: str, key: str, *, body: bytes, reference: str, now: datetime
) -> str | None:
    """Claim the key for `reference`; None when it is ours, else the reference it made before.

    One statement in the usual case. A request of the same key that still runs is waited for (by
    the database's own lock on the row), then its answer counts. Raises KeyReused when the body
    differs, KeyInFlight when the wait takes too long.
    """
    digest = hashlib.sha256(f"{scope}\n{key}".encode()).digest()
    fingerprint = hashlib.sha256(body).digest()
    claim = _CLAIM_SQLITE if dialect_of(session) == "sqlite" else _CLAIM
    row = {"key": digest, "body": fingerprint, "reference": reference, "created_at": now}
    try:
        # the connection itself: the session would add a third to the cost of a plain INSERT
        result = session.connection().execute(claim, row)
    except OperationalError as error:
        if error.orig and error.orig.args and error.orig.args[0] == _LOCK_WAIT:
            raise KeyInFlight("the first request with this key is still running") from error
        raise
    if result.rowcount == 1:
        return None
    return _earlier(session, digest, fingerprint)


def _earlier(session: Session, digest: bytes, fingerprint: bytes) -> str:
    query = select(IdempotencyKey.body, IdempotencyKey.reference).where(
        IdempotencyKey.key == digest
    )
    before = session.execute(query).one()
    if before.body != fingerprint:
        raise KeyReused("this Idempotency-Key came before with another body")
    reference: str = before.reference
    return reference
