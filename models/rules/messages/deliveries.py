"""Delivery states of text messages: which ones are final, and when to query the provider."""

from datetime import timedelta
from typing import Final

#: Twilio's final states: no other state follows them.
FINAL: Final = frozenset({"delivered", "read", "undelivered", "failed", "canceled"})
#: Final states in which the guest has not received the message.
NOT_DELIVERED: Final = frozenset({"undelivered", "failed", "canceled"})
#: Recorded when the provider has reported no final state for GIVE_UP.
UNKNOWN: Final = "unknown"

#: Time after the send at which the provider is queried where it cannot call our webhook.
ASK_AFTER: Final = timedelta(minutes=3)
#: And where it can: a webhook call may be lost.
ASK_AFTER_CALLS: Final = timedelta(minutes=15)
GIVE_UP: Final = timedelta(hours=2)
