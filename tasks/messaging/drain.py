"""Sends due messages until none is left, and records the outcome of each immediately."""

import logging
import time
import uuid
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import plain_unit, unit
from models.core.errors import Busy
from models.core.observe import trace_ids
from models.core.settings import settings
from models.operations.messages.claims import claim_due, renew, skip_gone
from models.operations.messages.outcomes import return_claims
from models.queries.messages.outgoing import Outgoing, load_claimed
from models.queries.running import flags
from tasks.messaging.channel_watch import ChannelWatch, mark_channel_up, mark_channels_down, probes
from tasks.messaging.channels import ChannelDown
from tasks.messaging.channels.smtp import SmtpConnection
from tasks.messaging.delivery import deliver_one, fail, reread
from tasks.messaging.patience import patiently, record
from tasks.messaging.senders import Senders

log = logging.getLogger(__name__)

CLAIM_LIMIT: Final = 50
#: A task that has sent for this long leaves the rest to a new task.
DRAIN_SECONDS: Final = 20.0
#: A claim expires this long after its worker last renewed it.
LEASE_SECONDS: Final = 20
#: How often a busy worker renews its claim.
RENEW_SECONDS: Final = 2.0


def drain() -> bool:
    """Send until nothing is due or the time is up. Return True when there may be more.

    Messages of a channel that is down wait; from time to time one of them is sent as a probe.
    """
    ends = time.monotonic() + DRAIN_SECONDS
    with Senders(settings().senders, settings().smtp_url) as senders:
        flags.refresh()
        for channel in probes():
            _probe(channel, senders, ends)
        while time.monotonic() < ends:
            flags.refresh()
            claimed = _claim(ends)
            if not claimed:
                return False
            _send_all(claimed, senders, ends)
    return True


def _probe(channel: str, senders: Senders, ends: float) -> None:
    """Probe a channel that is down, one message at a time, until one shows whether it is up.

    When no message waits, a successful sign-in at the mail server is enough.
    """
    for _ in range(CLAIM_LIMIT):
        claimed = _claim(ends, probe=channel)
        if not claimed:
            break
        watch = _send_all(claimed, senders, ends)
        if channel in watch.down:
            return
        if channel in watch.passed:
            mark_channel_up(channel)
            return
    try:
        if channel == "email":
            senders.greet()
    except ChannelDown as gone:
        watch = ChannelWatch()
        watch.note_down(channel, gone.reason)
        mark_channels_down(watch)
    else:
        mark_channel_up(channel)


def _claim(ends: float, *, probe: str | None = None) -> list[Outgoing]:
    """Claim due messages, retrying until `ends` while the database is unreachable.

    All attempts use one claim id. When a commit succeeds but its answer is lost, the next attempt
    finds the claimed messages; they need not wait for their lease to end.
    """
    claim, is_again, limit = str(uuid.uuid4()), False, 1 if probe else CLAIM_LIMIT

    def once(session: Session) -> list[Outgoing]:
        nonlocal is_again
        now, was_tried, is_again = clock.now(), is_again, True
        take = partial(claim_due, claim=claim, lease_seconds=LEASE_SECONDS)
        count = take(session, limit=limit, now=now, probe=probe)
        if not count and not was_tried:
            return []
        found = load_claimed(session, claim)
        if len(found) < count:
            skip_gone(session, claim, found=found)
        return found

    return patiently(partial(unit, once), until=ends)


def _send_all(claimed: list[Outgoing], senders: Senders, ends: float) -> ChannelWatch:
    """Deliver the messages; return what the attempts showed about their channels."""
    watch = ChannelWatch()
    send = partial(_send_some, watch=watch, ends=ends, read_at=time.monotonic())
    left = senders.each(claimed, send, every=RENEW_SECONDS, meanwhile=partial(_renew, claimed))
    refuted = watch.end()
    for each in refuted:
        fail(each.message, each.reason, permanent=False)
    mark_channels_down(watch)
    own = {each.message.id for each in refuted}
    for channel in {message.channel for message in left}:
        back = [one for one in left if one.channel == channel and one.id not in own]
        record(partial(return_claims, untried=back, error=watch.down.get(channel, "")))
    return watch


def _send_some(
    messages: list[Outgoing],
    connection: SmtpConnection,
    *,
    watch: ChannelWatch,
    ends: float,
    read_at: float,
) -> list[Outgoing]:
    """Deliver one by one; return those not tried because time is up or their channel is down."""
    left: list[Outgoing] = []
    for message in messages:
        if message.channel in watch.down or time.monotonic() > ends:
            left.append(message)
            continue
        with trace_ids.bound_reservation(message.reservation_id, message_id=message.id):
            current = reread(message, read_at=read_at)
            if current is None:
                log.warning("message claim lost", extra={"message_id": message.id})
            elif not deliver_one(current, connection, watch):
                left.append(message)
    return left


def _renew(claimed: list[Outgoing]) -> None:
    """Renew the lease. Does not wait for the database: recording the outcomes does."""
    until = clock.now() + timedelta(seconds=LEASE_SECONDS)
    try:
        plain_unit(partial(renew, claim=claimed[0].claim, until=until))
    except (DBAPIError, Busy) as error:
        log.warning("message claim not renewed", extra={"error": type(error).__name__})
