"""The delivery of one message: the check whether it is still valid, one attempt, the record."""

import logging
import time
import traceback
from datetime import timedelta
from typing import Final

from models.core import clock
from models.core.database.transactions import reading
from models.operations.messages.outcomes import (
    record_delayed,
    record_failure,
    record_lost,
    record_sent,
    record_skipped,
)
from models.queries.messages.outgoing import Outgoing, load_claimed
from models.queries.running import flags
from models.rules.flags import Flag
from models.rules.messages.sending import Action, Verdict, judge, retry_at
from tasks import metrics, traced
from tasks.messaging import caps
from tasks.messaging.channel_watch import ChannelWatch, is_cleared
from tasks.messaging.channels import AnswerLost, ChannelDown, ChannelError, Receipt, SenderRefused
from tasks.messaging.channels.email import send_email
from tasks.messaging.channels.sms import Sms, sms_channel
from tasks.messaging.channels.smtp import SmtpConnection
from tasks.messaging.patience import RECORD_SECONDS, patiently, record
from tasks.messaging.templates.render import render_sms

log = logging.getLogger(__name__)

#: The delay of a message whose channel is switched off.
HELD: Final = timedelta(seconds=30)
#: Seconds after which a reservation is read again before its message is sent.
FRESH_SECONDS: Final = 0.2
_FLAGS: Final = {"sms": Flag.SMS, "email": Flag.EMAIL}


def reread(message: Outgoing, *, read_at: float) -> Outgoing | None:
    """Return the message with its current reservation; None when its claim was lost.

    `read_at`: when it was read (`time.monotonic`). One read within FRESH_SECONDS is not read again.
    """
    if time.monotonic() - read_at < FRESH_SECONDS:
        return message

    def again() -> list[Outgoing]:
        with reading() as session:
            return load_claimed(session, message.claim, only=message.id)

    return next(iter(patiently(again, until=time.monotonic() + RECORD_SECONDS)), None)


def deliver_one(message: Outgoing, connection: SmtpConnection, watch: ChannelWatch) -> bool:
    """Send one message if it is still valid, and record the outcome.

    Return False when its channel is down or seems to be, so that this was no attempt. Raises only
    errors of the database: a bad message never stops the next one.
    """
    if message.unreadable:
        fail(message, "the guest cannot be decrypted", permanent=False)
        return True
    verdict = judge(message.standing, now=clock.now())
    if verdict.action is Action.SEND and _is_held(message):
        verdict = Verdict(Action.DELAY, "switched-off", clock.now() + HELD)
    if verdict.action is Action.SEND and (why := caps.over(message)):
        verdict = Verdict(Action.SKIP, why)
    if verdict.action is not Action.SEND:
        _skip_or_delay(message, verdict)
        return True
    return _try(message, connection, watch)


def _try(message: Outgoing, connection: SmtpConnection, watch: ChannelWatch) -> bool:
    """Make one attempt; return False when it does not count as one."""
    began, start = time.perf_counter(), clock.nanoseconds()
    try:
        receipt = _send(message, connection)
    except ChannelDown as gone:
        watch.note_down(message.channel, gone.reason)
        return False
    except ChannelError as error:
        if isinstance(error, SenderRefused) and not is_cleared(message):
            watch.suspect(message, error.reason)
            return False
        traced.trace_sent(message, began=start, result=error.reason)
        fail(message, error.reason, permanent=error.permanent, is_unsure=_is_unsure(error))
    except Exception as error:  # a bug with one message must not hold up all the others
        where = "".join(traceback.format_tb(error.__traceback__)[-3:])  # without the values
        log.error("message not rendered", extra={"where": where})
        fail(message, f"internal: {type(error).__name__}", permanent=False)
    else:
        if receipt is None:
            _skip_or_delay(message, Verdict(Action.SKIP, "unreachable"))
            return True
        watch.note_passed(message.channel)
        _keep_sent(message, receipt, began=began, start=start)
    return True


def _is_unsure(error: ChannelError) -> bool:
    return isinstance(error, AnswerLost)


def _keep_sent(message: Outgoing, receipt: Receipt, *, began: float, start: int) -> None:
    sent_at, took = clock.now(), time.perf_counter() - began
    traced.trace_sent(message, began=start, result="sent", provider_id=receipt.logged_id)
    record(lambda s: record_sent(s, message, provider_id=receipt.provider_id, now=sent_at))
    metrics.count_sent(message, at=sent_at, provider_seconds=took)
    answer = {"provider_id": receipt.logged_id, "answer": receipt.answer}
    log.info("message sent", extra=_ids(message) | answer)


def _is_held(message: Outgoing) -> bool:
    """Whether the channel is switched off for this message by a flag."""
    flag = _FLAGS.get(message.channel)
    return flag is not None and not flags.is_on(
        flag, restaurant_id=message.restaurant.id, key=message.reservation_id
    )


def _send(message: Outgoing, connection: SmtpConnection) -> Receipt | None:
    """Return the provider's receipt; None when the guest cannot be reached on this channel."""
    if message.channel == "email":
        return send_email(connection, message, now=clock.now()) if message.guest_email else None
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


def _skip_or_delay(message: Outgoing, verdict: Verdict) -> None:
    until, result = verdict.until, "skipped"
    if until is not None:
        result = "delayed"
        record(lambda s: record_delayed(s, message, until=until))
    elif message.was_lost:
        # when an answer was lost, the server mostly has the mail, so it is not recorded as skipped
        result = "sent"
        record(lambda s: record_lost(s, message, now=clock.now()))
    else:
        result = "limited" if verdict.reason in caps.REASONS else result
        record(lambda s: record_skipped(s, message, reason=verdict.reason))
    metrics.count_message(message, result)
    log.info(
        "message not sent", extra=_ids(message) | {"action": verdict.action, "why": verdict.reason}
    )


def fail(message: Outgoing, error: str, *, permanent: bool, is_unsure: bool = False) -> None:
    """Record a failed attempt: another follows later unless it is `permanent` or was the last.

    `is_unsure`: the message may have arrived.
    """
    now = clock.now()
    record(
        lambda s: record_failure(
            s, message, error=error, permanent=permanent, is_unsure=is_unsure, now=now
        )
    )
    is_over = permanent or retry_at(message.attempts, now=now) is None
    metrics.count_message(message, "failed" if is_over else "retried")
    log.warning("message failed", extra=_ids(message) | {"error": error, "permanent": permanent})


def _ids(message: Outgoing) -> dict[str, object]:
    return {
        "kind": message.kind,
        "channel": message.channel,
        "attempts": message.attempts,
    }
