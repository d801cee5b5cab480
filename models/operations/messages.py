"""The outgoing queue: claim what is due, record what became of it.

A message is claimed by a conditional UPDATE, so two workers never hold the same one, and recorded
under its claim. A claim that expired (its worker died) goes back to the queue.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import (
    Connection,
    CursorResult,
    Update,
    bindparam,
    case,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from models.core.db import table_of
from models.entities.messages import Message
from models.queries.outgoing import Outgoing
from models.rules.sending import MAX_ATTEMPTS, retry_at

_ERROR_LENGTH = 255
_TABLE = table_of(Message)


def claim_due(
    session: Session, *, limit: int, now: datetime, claim: str, lease_seconds: int
) -> int:
    """Claim up to `limit` due messages, oldest first, for `lease_seconds`. Returns how many.

    Rows that another worker is claiming are passed over (SKIP LOCKED; on SQLite the transaction
    itself keeps the others out), and the UPDATE takes only what is still queued.
    """
    due = (
        select(Message.id)
        .where(Message.state == "queued", Message.due_at <= now)
        .order_by(Message.due_at, Message.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = session.scalars(due).all()
    if not ids:
        return 0
    return _rows(
        session,
        update(Message)
        .where(Message.id.in_(ids), Message.state == "queued", Message.due_at <= now)
        .values(
            state="sending",
            claim=claim,
            claimed_until=now + timedelta(seconds=lease_seconds),
            attempts=Message.attempts + 1,
        ),
    )


def skip_gone(session: Session, claim: str, *, found: Collection[Outgoing]) -> int:
    """Skip those of the claim that have no reservation any more. Returns how many."""
    gone = update(Message).where(
        Message.claim == claim,
        Message.state == "sending",
        Message.id.not_in([message.id for message in found]),
    )
    return _rows(session, gone.values(state="skipped", error="gone"))


def record_sent(connection: Connection, sent: Outgoing, *, provider_id: str, now: datetime) -> bool:
    """The server said yes. False when somebody else has claimed the message since.

    Holds even when the claim ran out meanwhile (the database was away), as long as nobody else
    has taken it: what was sent must not be sent again.
    """
    return _record(connection, sent, state="sent", sent_at=now, provider_id=provider_id, error=None)


def record_skipped(connection: Connection, skipped: Outgoing, *, reason: str) -> bool:
    """It is no longer true, or there is no way to send it."""
    return _record(connection, skipped, state="skipped", error=reason)


def record_delayed(connection: Connection, delayed: Outgoing, *, until: datetime) -> bool:
    """It waits for the morning; that was no attempt."""
    return _record(
        connection, delayed, state="queued", due_at=until, attempts=max(delayed.attempts - 1, 0)
    )


def record_failure(
    connection: Connection, failed: Outgoing, *, error: str, permanent: bool, now: datetime
) -> bool:
    """It did not go out: again after the backoff, or never. `error` names no address."""
    again = None if permanent else retry_at(failed.attempts, now=now)
    if again is None:
        return _record(connection, failed, state="failed", error=error[:_ERROR_LENGTH])
    return _record(connection, failed, state="queued", due_at=again, error=error[:_ERROR_LENGTH])


def give_back(
    connection: Connection,
    untried: Collection[Outgoing],
    *,
    error: str = "",
    due_at: datetime | None = None,
) -> int:
    """Back to the queue, untried: the channel is down, or the drain's time is up.

    Costs none of their attempts. Due at `due_at`, or as it was. Returns how many.
    """
    if not untried:
        return 0
    claims = {message.claim for message in untried}
    values: dict[str, Any] = {"error": error[:_ERROR_LENGTH]} if error else {}
    if due_at is not None:
        values["due_at"] = due_at
    row = _TABLE.c
    statement = (
        update(_TABLE)
        .where(
            row.id.in_([message.id for message in untried]),
            row.claim.in_(claims),
            row.state == "sending",
        )
        .values(state="queued", attempts=case((row.attempts > 0, row.attempts - 1), else_=0))
        .values(values)
    )
    return connection.execute(statement).rowcount


def release_expired_claims(session: Session, now: datetime) -> int:
    """Claims whose worker died: back to the queue, or failed after too many. Returns how many.

    `claim` stays written: a worker that was only slow may still record what it has sent.
    """
    spent = Message.attempts >= MAX_ATTEMPTS
    return _rows(
        session,
        update(Message)
        .where(Message.state == "sending", Message.claimed_until < now)
        .values(
            error=case((spent, "every attempt ended without an answer"), else_=Message.error),
            state=case((spent, "failed"), else_="queued"),
        ),
    )


def _record(connection: Connection, message: Outgoing, **values: Any) -> bool:
    wanted = {"message": message.id, "held_by": message.claim}
    made = connection.execute(_recording(*values), wanted | values)
    return made.rowcount == 1


@lru_cache(maxsize=16)
def _recording(*columns: str) -> Update:
    """Write these columns of a message that is still ours. Built once: it runs once a message."""
    row = _TABLE.c
    return (
        update(_TABLE)
        .where(
            row.id == bindparam("message"),
            row.claim == bindparam("held_by"),
            or_(row.state == "sending", row.state == "queued"),
        )
        .values({name: bindparam(name) for name in columns})
    )


def _rows(session: Session, statement: Update) -> int:
    result = session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount
