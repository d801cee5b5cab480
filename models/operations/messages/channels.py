"""Channels that are down: since when and why, and who tries again when."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import CursorResult, insert, select, update
from sqlalchemy.orm import Session

from models.core.database.transactions import dialect_of, table_of
from models.entities.messages import ChannelState

#: A channel that is down is tried again after this long, by one message.
PROBE_AFTER: Final = timedelta(seconds=30)
#: So many suspects are remembered.
_SUSPECTS: Final = 100
_REASON_LENGTH: Final = 255


def mark_down(
    session: Session, channel: str, *, reason: str, suspects: Iterable[int] = (), now: datetime
) -> bool:
    """Nothing goes out on `channel` until a probe has passed. True when it was up until now.

    `suspects` are messages whose refusal seemed to be about us. `reason` names no address.
    """
    prefix = "OR IGNORE" if dialect_of(session) == "sqlite" else "IGNORE"
    new = insert(table_of(ChannelState)).prefix_with(prefix)
    session.execute(new, {"channel": channel})
    row = session.get_one(ChannelState, channel, with_for_update=True)
    was_up = row.down_since is None
    if was_up:
        row.down_since = now
    row.reason, row.probe_at = reason[:_REASON_LENGTH], now + PROBE_AFTER
    # a new list: the old one's change would not be seen
    row.suspects = list(dict.fromkeys([*(row.suspects or []), *suspects]))[-_SUSPECTS:]
    return was_up


def mark_up(session: Session, channel: str) -> datetime | None:
    """A message went out. Since when the channel had been down; None when it was not.

    The suspects stay written: one that is refused once more was refused for its own sake.
    """
    row = session.get(ChannelState, channel, with_for_update=True)
    if row is None or row.down_since is None:
        return None
    since, row.down_since, row.probe_at = row.down_since, None, None
    return since


def take_probes(session: Session, *, now: datetime) -> list[str]:
    """The channels that are down and may be tried now; nobody else tries them for a while."""
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
