"""Queries the provider for the delivery status of texts for which no final status has come."""

import logging
import time
from functools import partial
from typing import Final

from models.core import clock
from models.core.database.transactions import reading, unit
from models.core.settings import settings
from models.operations.messages.deliveries import note_delivery
from models.queries.messages.deliveries import unsettled_texts
from models.rules.messages.deliveries import ASK_AFTER, ASK_AFTER_CALLS
from tasks.messaging.channels import ChannelError
from tasks.messaging.channels.callbacks import can_be_called
from tasks.messaging.channels.sms import ReportingChannel, sms_channel

log = logging.getLogger(__name__)

#: Seconds that one run may delay the messages behind it in the queue.
SECONDS: Final = 5.0
_AT_ONCE: Final = 100


def ask_deliveries() -> tuple[int, bool]:
    """Query each text without a final status.

    Return how many were queried, and whether an e-mail was queued in place of a text.
    """
    channel, ends = sms_channel(), time.monotonic() + SECONDS
    if not isinstance(channel, ReportingChannel):
        return 0, False
    after = ASK_AFTER_CALLS if can_be_called(settings().public_url) else ASK_AFTER
    with reading() as session:
        waiting = unsettled_texts(session, after=after, now=clock.now(), limit=_AT_ONCE)
    asked, is_queued = 0, False
    for each in waiting:
        if time.monotonic() > ends:
            break
        try:
            status, code = channel.look_up(each.provider_id)
        except ChannelError as error:
            log.warning("delivery status unknown", extra={"error": error.reason})
            break
        note = partial(note_delivery, message_id=each.id, provider_id=each.provider_id)
        asked += 1
        is_queued |= unit(partial(note, status=status, code=code, now=clock.now()))
    return asked, is_queued
