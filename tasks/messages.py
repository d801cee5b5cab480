"""The messages queue: what is due goes out, and what became of it is written down at once."""

import logging
import time
import traceback
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.core import clock, signals, stories
from models.core.db import plain_unit, unit
from models.core.errors import Busy
from models.core.settings import settings
from models.operations.messages import (
    claim_due,
    give_back,
    record_delayed,
    record_failure,
    record_sent,
    record_skipped,
    skip_gone,
)
from models.queries import flags
from models.queries.outgoing import Outgoing, load_claimed
from models.rules.flags import Flag
from models.rules.sending import Action, Verdict, judge, retry_at
from tasks import metrics, traced
from tasks.app import app
from tasks.channels import ChannelDown, ChannelError, Receipt
from tasks.channels.email import send_email
from tasks.channels.sms import Sms, sms_channel
from tasks.channels.smtp import SmtpLine
from tasks.nudges import nudge_messages
from tasks.senders import Senders
from tasks.templates.render import render_sms

log = logging.getLogger(__name__)

T = TypeVar("T")

CLAIM_LIMIT: Final = 50
#: A task that has sent this long hands the rest to a fresh one.
DRAIN_SECONDS: Final = 20.0
#: Longer than a drain and its slowest last send together (see tasks/channels/smtp.py).
LEASE_SECONDS: Final = 90
#: A channel that is down is tried again after this long; that costs no message an attempt.
DOWN_SECONDS: Final = 30
#: A message whose flag is off is looked at again after this long.
HELD: Final = timedelta(seconds=30)
#: How long a record waits for a database that is away: what was sent must not be sent again.
RECORD_SECONDS: Final = 60.0


@app.task(name="messages.deliver")
def deliver() -> None:
    """Send all that is due. Twice does nothing more: each message is claimed by one worker."""
    signals.start_on("messages")
    if drain():
        nudge_messages()


def drain() -> bool:
    """Send until nothing is due, a channel is down or the time is up. True: there is more."""
    ends = time.monotonic() + DRAIN_SECONDS
    with Senders(settings().senders, settings().smtp_url) as senders:
        while time.monotonic() < ends:
            flags.refresh()
            claimed = _claim(ends)
            if not claimed:
                return False
            if not _send_all(claimed, senders, ends):
                return False
    return True


def _claim(ends: float) -> list[Outgoing]:
    """Claim what is due, waiting until `ends` for a database that is away.

    Every attempt claims under one name: what a commit took whose answer was lost is found by the
    next attempt, and does not lie there until its lease ends.
    """
    claim, is_again = str(uuid.uuid4()), False

    def once(session: Session) -> list[Outgoing]:
        nonlocal is_again
        now, was_tried, is_again = clock.now(), is_again, True
        count = claim_due(
            session, limit=CLAIM_LIMIT, now=now, claim=claim, lease_seconds=LEASE_SECONDS
        )
        if not count and not was_tried:
            return []
        found = load_claimed(session, claim)
        if len(found) < count:
            skip_gone(session, claim, found=found)
        return found

    return _patiently(partial(unit, once), until=ends)


def _send_all(claimed: list[Outgoing], senders: Senders, ends: float) -> bool:
    """Deliver each. False when a channel turned out to be down."""
    down: dict[str, str] = {}
    left = senders.each(claimed, partial(_send_some, down=down, ends=ends))
    for channel, reason in down.items():
        _hold([message for message in left if message.channel == channel], reason)
    untried = [message for message in left if message.channel not in down]
    if untried:
        _record(lambda s: give_back(s, untried))
    return not down


def _send_some(
    messages: list[Outgoing], line: SmtpLine, *, down: dict[str, str], ends: float
) -> list[Outgoing]:
    """Deliver these one by one; those that are left, because time or their channel is over.

    `down`: channel -> why, shared by all senders.
    """
    left: list[Outgoing] = []
    for message in messages:
        if message.channel in down or time.monotonic() > ends:
            left.append(message)
            continue
        with stories.telling_of(message.reservation_id, message_id=message.id):
            try:
                _deliver(message, line)
            except ChannelDown as gone:
                log.error("channel down", extra={"channel": message.channel, "error": gone.reason})
                down[message.channel] = gone.reason
                left.append(message)
    return left


def _hold(messages: list[Outgoing], reason: str) -> None:
    later = clock.now() + timedelta(seconds=DOWN_SECONDS)
    _record(lambda s: give_back(s, messages, error=reason, due_at=later))


def _deliver(message: Outgoing, line: SmtpLine) -> None:
    """Send one message if it still holds, and write down what became of it.

    Raises ChannelDown alone: one bad message never stops the next.
    """
    if message.unreadable:
        _fail(message, "the guest cannot be read", permanent=False)
        return
    verdict = judge(message.standing, now=clock.now())
    if verdict.action is Action.SEND and _is_held(message):
        verdict = Verdict(Action.DELAY, "switched-off", clock.now() + HELD)
    if verdict.action is not Action.SEND:
        _leave(message, verdict)
        return
    _try(message, line)


def _try(message: Outgoing, line: SmtpLine) -> None:
    """One attempt. Raises ChannelDown, which is none."""
    began, start = time.perf_counter(), clock.nanoseconds()
    try:
        receipt = _send(message, line)
    except ChannelDown:
        raise
    except ChannelError as error:
        traced.trace_sent(message, began=start, result=error.reason)
        _fail(message, error.reason, permanent=error.permanent)
    except Exception as error:  # a fault of ours in one message must not hold up all the others
        where = "".join(traceback.format_tb(error.__traceback__)[-3:])  # without the values
        log.error("message not made", extra={"where": where})
        _fail(message, f"internal: {type(error).__name__}", permanent=False)
    else:
        if receipt is None:
            _leave(message, Verdict(Action.SKIP, "unreachable"))
            return
        sent_at, took = clock.now(), time.perf_counter() - began
        traced.trace_sent(message, began=start, result="sent", provider_id=receipt.logged_id)
        _record(lambda s: record_sent(s, message, provider_id=receipt.provider_id, now=sent_at))
        metrics.count_sent(message, at=sent_at, provider_seconds=took)
        said = {"provider_id": receipt.logged_id, "answer": receipt.answer}
        log.info("message sent", extra=_ids(message) | said)


def _is_held(message: Outgoing) -> bool:
    """Whether text messages are switched off for this one; it waits, and costs no attempt."""
    return message.channel == "sms" and not flags.is_on(
        Flag.SMS, restaurant_id=message.restaurant.id, key=message.reservation_id
    )


def _send(message: Outgoing, line: SmtpLine) -> Receipt | None:
    """The provider's receipt; None when the guest cannot be reached on this channel."""
    if message.channel == "email":
        return send_email(line, message, now=clock.now()) if message.guest_email else None
    channel = sms_channel()
    if channel is None or not message.guest_phone:
        return None
    sms = Sms(
        message_id=message.id,
        to=message.guest_phone,
        body=render_sms(message),
        attempts=message.attempts,
        since=message.first_due_at,
    )
    return Receipt(channel.send(sms))


def _leave(message: Outgoing, verdict: Verdict) -> None:
    until = verdict.until
    if until is not None:
        _record(lambda s: record_delayed(s, message, until=until))
    else:
        _record(lambda s: record_skipped(s, message, reason=verdict.reason))
    metrics.count_message(message, "skipped" if until is None else "delayed")
    log.info(
        "message left", extra=_ids(message) | {"action": verdict.action, "why": verdict.reason}
    )


def _fail(message: Outgoing, error: str, *, permanent: bool) -> None:
    now = clock.now()
    _record(lambda s: record_failure(s, message, error=error, permanent=permanent, now=now))
    is_over = permanent or retry_at(message.attempts, now=now) is None
    metrics.count_message(message, "failed" if is_over else "retried")
    log.warning("message failed", extra=_ids(message) | {"error": error, "permanent": permanent})


def _ids(message: Outgoing) -> dict[str, object]:
    return {
        "kind": message.kind,
        "channel": message.channel,
        "attempts": message.attempts,
    }


def _record(work: Callable[[Connection], object]) -> None:
    """Write it down, waiting for a database that is away: nothing else of this drain may go first.

    Raises the database's error after RECORD_SECONDS; the claim's lease then frees the message.
    """
    _patiently(partial(plain_unit, work), until=time.monotonic() + RECORD_SECONDS)


def _patiently(do: Callable[[], T], *, until: float) -> T:
    """Again while the database is away. Raises its error when it still is at `until`."""
    while True:
        try:
            return do()
        except (DBAPIError, Busy):
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
