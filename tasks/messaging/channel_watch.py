"""Channels that are down: detection within one batch of messages, and the stored state."""

import logging
import threading
from dataclasses import dataclass
from functools import partial

from models.core import clock
from models.core.database.transactions import reading, unit
from models.operations.messages.channels import mark_down, mark_up, take_probes
from models.queries.messages.channels import has_probes, was_cleared
from models.queries.messages.outgoing import Outgoing

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Suspicion:
    """A message whose refusal seemed to concern the sender; refuted once another one was sent."""

    message: Outgoing
    reason: str
    is_refuted: bool = False


class ChannelWatch:
    """The state of the channels during one batch, shared by its sender threads.

    A refusal at the greeting, the sign-in or MAIL FROM concerns every message. A refused recipient
    or text may concern the sender or that message alone: only another message can decide which.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.down: dict[str, str] = {}
        self.passed: set[str] = set()
        self.suspicions: list[Suspicion] = []

    def note_down(self, channel: str, reason: str) -> None:
        """Mark this channel as down for the rest of the batch."""
        with self._lock:
            self.down.setdefault(channel, reason)

    def suspect(self, message: Outgoing, reason: str) -> None:
        """Note a refusal that seems to concern the sender.

        Refusals of this kind for two guests mark the channel as down.
        """
        with self._lock:
            self.suspicions.append(Suspicion(message, reason))
            guests = {
                each.message.guest_email or each.message.guest_phone
                for each in self.suspicions
                if each.message.channel == message.channel and not each.is_refuted
            }
            if len(guests) > 1:
                self.down.setdefault(message.channel, reason)

    def note_passed(self, channel: str) -> None:
        """Note that a message was sent: earlier refusals concerned their own messages."""
        with self._lock:
            self.passed.add(channel)
            for each in self.suspicions:
                if each.message.channel == channel and channel not in self.down:
                    each.is_refuted = True

    def end(self) -> list[Suspicion]:
        """End the batch: each suspicion that was not refuted marks its channel as `down`.

        Return the refuted ones, whose refusals concerned their own messages.
        """
        for each in self.suspicions:
            if not each.is_refuted:
                self.down.setdefault(each.message.channel, each.reason)
        return [each for each in self.suspicions if each.is_refuted]


def is_cleared(message: Outgoing) -> bool:
    """Whether the channel has been up since this message made it seem down."""
    with reading() as session:
        return was_cleared(session, message.channel, message.id)


def mark_channels_down(watch: ChannelWatch) -> None:
    """Store the channels that this batch found down, and log them."""
    for channel, reason in watch.down.items():
        suspects = [each.message.id for each in watch.suspicions if each.message.channel == channel]
        now = clock.now()
        mark = partial(mark_down, channel=channel, reason=reason, suspects=suspects, now=now)
        if unit(mark):
            log.error("channel down", extra={"channel": channel, "error": reason})
        else:
            log.warning("channel still down", extra={"channel": channel, "error": reason})


def mark_channel_up(channel: str) -> None:
    """Mark the channel as up after a successful probe, and log how long it was down."""
    since = unit(partial(mark_up, channel=channel))
    if since is not None:
        took = (clock.now() - since).total_seconds()
        log.warning("channel up", extra={"channel": channel, "seconds": round(took, 1)})


def probes() -> list[str]:
    """Return the channels that are down and that this process may probe now."""
    now = clock.now()
    with reading() as session:
        if not has_probes(session, now=now):
            return []
    return unit(partial(take_probes, now=now))
