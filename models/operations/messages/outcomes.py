"""Record the outcome of each claimed message under its claim."""

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Update, bindparam, case, or_, update

from models.core.database.transactions import table_of
from models.entities.messages import Message
from models.queries.messages.outgoing import ANSWER_LOST, Outgoing
from models.rules.messages.notifying import Kind
from models.rules.messages.sending import retry_at

_ERROR_LENGTH = 255
_TABLE = table_of(Message)


def record_sent(connection: Connection, sent: Outgoing, *, provider_id: str, now: datetime) -> bool:
    """Record that the server accepted the message. False if another worker has claimed it since.

    Succeeds even after the claim expired (the database was away), if no other worker has claimed
    the message: a message that was sent must not be sent again.
    """
    return _record(connection, sent, state="sent", sent_at=now, provider_id=provider_id, error=None)


def record_lost(connection: Connection, lost: Outgoing, *, now: datetime) -> bool:
    """Record an outdated message as sent: an earlier attempt may have delivered it."""
    return _record(connection, lost, state="sent", sent_at=now, error=lost.last_error)


def record_skipped(connection: Connection, skipped: Outgoing, *, reason: str) -> bool:
    """Record that the message is outdated, or that there is no way to send it."""
    return _record(connection, skipped, state="skipped", error=reason)


def record_delayed(connection: Connection, delayed: Outgoing, *, until: datetime) -> bool:
    """Record that the message waits for the morning; this does not count as an attempt."""
    return _record(
        connection, delayed, state="queued", due_at=until, attempts=max(delayed.attempts - 1, 0)
    )


def record_failure(
    connection: Connection,
    failed: Outgoing,
    *,
    error: str,
    permanent: bool,
    now: datetime,
    is_unsure: bool = False,
) -> bool:
    """Record that the message did not go out: retry after the backoff, or never.

    `error` contains no address. `is_unsure`: it may have gone out; this stays recorded while it is
    retried.
    """
    if is_unsure or failed.was_lost:
        error = ANSWER_LOST + error.removeprefix(ANSWER_LOST)
    again = None if permanent else retry_at(failed.attempts, now=now)
    if again is None:
        return _record(connection, failed, state="failed", error=error[:_ERROR_LENGTH])
    return _record(connection, failed, state="queued", due_at=again, error=error[:_ERROR_LENGTH])


def return_claims(
    connection: Connection,
    untried: Collection[Outgoing],
    *,
    error: str = "",
    due_at: datetime | None = None,
) -> int:
    """Return untried messages to the queue: the channel is down, or the drain's time is up.

    This does not count as an attempt. They are due at `due_at`, or as before. Returns how many.
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


def _record(connection: Connection, message: Outgoing, **values: Any) -> bool:
    wanted = {"message": message.id, "held_by": message.claim}
    if message.kind == Kind.CONTACT_CHANGED and values["state"] != "queued":
        # not a contact of the reservation: stored no longer than needed
        values["recipient_sealed"] = None
    made = connection.execute(_recording(*values), wanted | values)
    return made.rowcount == 1


@lru_cache(maxsize=16)
def _recording(*columns: str) -> Update:
    """Update these columns of a message that we still hold. Cached: it runs once per message."""
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
