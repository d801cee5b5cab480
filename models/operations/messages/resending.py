"""Send failed messages again if they are still true."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.core.errors import NotFound, StateConflict
from models.entities.messages import Message
from models.operations.accounts.audit import note
from models.queries.messages.outgoing import Outgoing, load_failed
from models.rules.messages.sending import Action, judge


@dataclass(frozen=True, slots=True)
class SentAgain:
    """The result of sending again, as message ids.

    `queued`: queued again. `void`: no longer true -> why. `last`: the highest id. `is_all`: there
    are no more messages above `last`.
    """

    queued: tuple[int, ...]
    void: Mapping[int, str]
    last: int
    is_all: bool


def send_again(session: Session, message_id: int, *, now: datetime, actor: str) -> Message:
    """Queue one failed message again, with all its attempts. The caller nudges.

    Raises NotFound, and StateConflict if it has not failed or is no longer true.
    """
    row = session.get(Message, message_id, with_for_update=True)
    if row is None:
        raise NotFound("there is no such message")
    if row.state != "failed":
        raise StateConflict(f"the message is {row.state}: only failed messages can be sent again")
    done = _queue(session, [message_id], now=now, actor=actor)
    if message_id not in done.queued:
        raise StateConflict(f"the message no longer applies ({done.void.get(message_id, 'gone')})")
    session.refresh(row)
    return row


def send_all_again(
    session: Session,
    *,
    since: datetime,
    restaurant_id: int | None = None,
    after: int = 0,
    limit: int,
    now: datetime,
    actor: str,
) -> SentAgain:
    """Queue again failed messages that were last due at `since` or later.

    Takes up to `limit` with an id above `after`, in order of id. Those no longer true stay failed.
    The caller nudges.
    """
    query = select(Message.id).where(
        Message.state == "failed", Message.due_at >= since, Message.id > after
    )
    if restaurant_id is not None:
        query = query.where(Message.restaurant_id == restaurant_id)
    query = query.order_by(Message.id).limit(limit).with_for_update()
    return _queue(session, session.scalars(query).all(), now=now, actor=actor, limit=limit)


def _queue(
    session: Session, ids: Sequence[int], *, now: datetime, actor: str, limit: int = 0
) -> SentAgain:
    found = load_failed(session, ids)
    void = {
        message.id: verdict.reason
        for message in found
        if (verdict := judge(message.standing, now=now)).action is Action.SKIP
    }
    true = [message for message in found if message.id not in void]
    again = update(Message).where(Message.id.in_([one.id for one in true]))
    values = {"state": "queued", "due_at": now, "attempts": 0, "error": None}
    session.execute(again.values(values), execution_options={"synchronize_session": False})
    _write_down(session, true, now=now, actor=actor)
    queued = tuple(message.id for message in true)
    return SentAgain(queued, void, max(ids, default=0), is_all=len(ids) < limit)


def _write_down(session: Session, sent: list[Outgoing], *, now: datetime, actor: str) -> None:
    for restaurant in {message.restaurant.id for message in sent}:
        about = [message.reference for message in sent if message.restaurant.id == restaurant]
        note(session, restaurant, actor=actor, action="message.sent_again", about=about, now=now)
