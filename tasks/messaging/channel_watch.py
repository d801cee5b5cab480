"""Which channels are down: what one batch of messages learns about them, and what is kept of it."""

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
    """A message whose refusal seemed to be about us; refuted once another one went out."""

    message: Outgoing
    reason: str
    is_refuted: bool = False


class ChannelWatch:
    """Shared by the senders of one batch.

    A server that refuses us at the greeting, the sign-in or MAIL FROM refuses everybody. Refusing
    one recipient or one text it may mean us or that message: only another message can tell.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.down: dict[str, str] = {}
        self.passed: set[str] = set()
        self.suspicions: list[Suspicion] = []

    def note_down(self, channel: str, reason: str) -> None:
        """Nothing goes out on this channel now."""
        with self._lock:
            self.down.setdefault(channel, reason)

    def suspect(self, message: Outgoing, reason: str) -> None:
        """This refusal seems to be about us. Two guests whose mails are refused so are enough."""
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
        """A message went out: what was refused before it was refused for its own sake."""
        with self._lock:
            self.passed.add(channel)
            for each in self.suspicions:
                if each.message.channel == channel and channel not in self.down:
                    each.is_refuted = True

    def end(self) -> list[Suspicion]:
        """The batch is over. A suspicion that nothing spoke against now holds (`down`).

        The messages that were refused for their own sake.
        """
        for each in self.suspicions:
            if not each.is_refuted:
                self.down.setdefault(each.message.channel, each.reason)
        return [each for each in self.suspicions if each.is_refuted]


def is_cleared(message: Outgoing) -> bool:
    """Whether others went out since this message made its channel seem down."""
    with reading() as session:
        return was_cleared(session, message.channel, message.id)


def keep_down(watch: ChannelWatch) -> None:
    """Write down the channels that this batch found down, and tell the operator."""
    for channel, reason in watch.down.items():
        suspects = [each.message.id for each in watch.suspicions if each.message.channel == channel]
        now = clock.now()
        mark = partial(mark_down, channel=channel, reason=reason, suspects=suspects, now=now)
        if unit(mark):
            log.error("channel down", extra={"channel": channel, "error": reason})
        else:
            log.warning("channel still down", extra={"channel": channel, "error": reason})


def keep_up(channel: str) -> None:
    """A probe has passed."""
    since = unit(partial(mark_up, channel=channel))
    if since is not None:
        took = (clock.now() - since).total_seconds()
        log.warning("channel up", extra={"channel": channel, "seconds": round(took, 1)})


def probes() -> list[str]:
    """The channels that this process may try now."""
    now = clock.now()
    with reading() as session:
        if not has_probes(session, now=now):
            return []
    return unit(partial(take_probes, now=now))
