"""Claims: which worker holds a due message, for how long, and what follows if that worker died.

A message is claimed by a conditional UPDATE, so two workers never hold the same one. A message
whose claim has expired goes back to the queue.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Update,
    and_,
    case,
    exists,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from models.core.database.transactions import table_of
from models.entities.messages import ChannelState, Message
from models.entities.running import JobRun
from models.queries.messages.outgoing import Outgoing
from models.rules.messages.sending import MAX_ATTEMPTS

#: A sweep that comes this long after the previous one has missed something.
PAUSE = timedelta(seconds=10)
_TABLE = table_of(Message)
_IN_ORDER = "FORCE INDEX FOR ORDER BY (ix_messages_due)"


def claim_due(
    session: Session,
    *,
    limit: int,
    now: datetime,
    claim: str,
    lease_seconds: int,
    probe: str | None = None,
) -> int:
    """Claim up to `limit` due messages, oldest first, for `lease_seconds`. Returns how many.

    Messages of channels that are down are skipped; `probe` names such a channel and claims only its
    messages, those whose rejection marked it down last.

    Only one message of the same reservation and channel is being sent at a time, the oldest first,
    whichever worker sends it: so the last that a guest receives is the newest.

    Rows that another worker is claiming are skipped (SKIP LOCKED; on SQLite the transaction itself
    keeps the others out), and the UPDATE takes only what is still queued.
    """
    due = select(Message.id).where(Message.state == "queued", Message.due_at <= now, _is_next(now))
    if probe is None:
        down = select(ChannelState.channel).where(ChannelState.down_since.is_not(None))
        due = due.where(Message.channel.not_in(down)).order_by(Message.due_at, Message.id)
        # MySQL would sort, and lock all the rows sorted: no other worker could claim any meanwhile.
        due = due.with_hint(_TABLE, _IN_ORDER, "mysql").with_hint(_TABLE, _IN_ORDER, "mariadb")
    else:
        state = session.get(ChannelState, probe)
        suspects = (state.suspects if state else None) or []
        last = case((Message.id.in_(suspects), 1), else_=0)
        due = due.where(Message.channel == probe).order_by(last, Message.due_at, Message.id)
    due = due.limit(limit).with_for_update(skip_locked=True)
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


def _is_next(now: datetime) -> ColumnElement[bool]:
    """Match messages with none of the same reservation and channel being sent or due before."""
    other = aliased(Message)
    before = or_(
        other.due_at < Message.due_at,
        and_(other.due_at == Message.due_at, other.id < Message.id),
    )
    return not_(
        exists().where(
            other.reservation_id == Message.reservation_id,
            other.channel == Message.channel,
            other.id != Message.id,
            or_(
                other.state == "sending",
                and_(other.state == "queued", other.due_at <= now, before),
            ),
        )
    )


def skip_gone(session: Session, claim: str, *, found: Collection[Outgoing]) -> int:
    """Skip the claimed messages whose reservation is gone. Returns how many."""
    gone = update(Message).where(
        Message.claim == claim,
        Message.state == "sending",
        Message.id.not_in([message.id for message in found]),
    )
    return _rows(session, gone.values(state="skipped", error="gone"))


def renew(connection: Connection, claim: str, *, until: datetime) -> int:
    """Extend a claim whose worker is alive until `until`. Returns for how many messages."""
    row = _TABLE.c
    held = update(_TABLE).where(row.claim == claim, row.state == "sending")
    return connection.execute(held.values(claimed_until=until)).rowcount


def release_expired_claims(session: Session, now: datetime) -> int:
    """Requeue messages whose worker died, or fail them after too many attempts. Returns how many.

    Does nothing while the sweep resumes after a pause: the database or the workers were away, and
    live workers get time to renew their claims.

    `claim` stays stored: a worker that was only slow may still record what it has sent.
    """
    swept = session.scalar(select(JobRun.last_success).where(JobRun.name == "sweep"))
    if swept is not None and now - swept > PAUSE:
        return 0
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


def _rows(session: Session, statement: Update) -> int:
    result = session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount
