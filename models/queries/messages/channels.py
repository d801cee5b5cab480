"""The state of the channels: which are down, since when and why."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.settings import settings
from models.entities.messages import ChannelState
from models.rules.health import seconds_since
from models.rules.reservations.contact_edits import CHANNELS, SMS


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """One channel: whether messages go out on it; if not, why and for how many seconds."""

    channel: str
    is_up: bool
    down_seconds: float | None = None
    reason: str = ""


def channel_health(session: Session, *, now: datetime) -> tuple[ChannelHealth, ...]:
    """Return every channel that is enabled. One that never failed is up."""
    rows = {row.channel: row for row in session.scalars(select(ChannelState))}
    on = [each for each in CHANNELS if each != SMS or settings().sms_channel != "off"]
    return tuple(_health(channel, rows.get(channel), now) for channel in on)


def _health(channel: str, row: ChannelState | None, now: datetime) -> ChannelHealth:
    if row is None or row.down_since is None:
        return ChannelHealth(channel, is_up=True)
    down = seconds_since(row.down_since, now=now)
    return ChannelHealth(channel, is_up=False, down_seconds=down, reason=row.reason or "")


def has_probes(session: Session, *, now: datetime) -> bool:
    """Return whether a channel that is down may be probed. One query on a table of a few rows."""
    waits = (ChannelState.down_since.is_not(None), ChannelState.probe_at <= now)
    return session.scalar(select(ChannelState.channel).where(*waits).limit(1)) is not None


def was_cleared(session: Session, channel: str, message_id: int) -> bool:
    """Return whether the channel has been up since this message made it seem down."""
    row = session.get(ChannelState, channel)
    return row is not None and row.down_since is None and message_id in (row.suspects or [])
