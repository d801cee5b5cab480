"""Channels that are down: since when, why, and when they are probed."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import CursorResult, insert, select, update
from sqlalchemy.orm import Session

from models.core.database.transactions import dialect_of, table_of
from models.entities.messages import ChannelState

#: A channel that is down is probed after this time, with one message.
PROBE_AFTER: Final = timedelta(seconds=30)
#: The most suspects that are stored.
_SUSPECTS: Final = 100
_REASON_LENGTH: Final = 255


def mark_down(
    session: Session, channel: str, *, reason: str, suspects: Iterable[int] = (), now: datetime
) -> bool:
    """Stop sending on `channel` until a probe has passed. Return True if it was up until now.

    `suspects`: messages whose rejection seemed to be caused by our side. `reason` contains no
    address.
    """
    prefix = "OR IGNORE" if dialect_of(session) == "sqlite" else "IGNORE"
    new = insert(table_of(ChannelState)).prefix_with(prefix)
    session.execute(new, {"channel": channel})
    row = session.get_one(ChannelState, channel, with_for_update=True)
    was_up = row.down_since is None
    if was_up:
        row.down_since = now
    row.reason, row.probe_at = reason[:_REASON_LENGTH], now + PROBE_AFTER
    # a new list: SQLAlchemy would not notice a change of the old one
    row.suspects = list(dict.fromkeys([*(row.suspects or []), *suspects]))[-_SUSPECTS:]
    return was_up


def mark_up(session: Session, channel: str) -> datetime | None:
    """Mark the channel up after a message went out. Return since when it was down, or None.

    The suspects stay stored: a message that is rejected once more was rejected because of itself.
    """
    row = session.get(ChannelState, channel, with_for_update=True)
    if row is None or row.down_since is None:
        return None
    since, row.down_since, row.probe_at = row.down_since, None, None
    return since


def take_probes(session: Session, *, now: datetime) -> list[str]:
    """Return the channels that are due for a probe; no other worker probes them meanwhile."""
    waiting = (ChannelState.down_since.is_not(None), ChannelState.probe_at <= now)
    found = []
    for channel in session.scalars(select(ChannelState.channel).where(*waiting)).all():
        taken = update(ChannelState).where(ChannelState.channel == channel, *waiting)
        result = session.execute(
            taken.values(probe_at=now + PROBE_AFTER),
            execution_options={"synchronize_session": False},
        )
        if isinstance(result, CursorResult) and result.rowcount == 1:
            found.append(channel)
    return found
